import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { gunzipSync } from "node:zlib";
import { Server, ServerCredentials } from "@grpc/grpc-js";
import protobuf from "protobufjs";
import { defer, type TestScope } from "./defer.ts";

/** The part of OTLP that a receiver of traces reads. Source: open-telemetry/opentelemetry-proto, trace/v1/trace.proto */
const { root } = protobuf.parse(`
  syntax = "proto3";
  message Request { repeated ResourceSpans resource_spans = 1; }
  message Response {}
  message ResourceSpans { Resource resource = 1; repeated ScopeSpans scope_spans = 2; }
  message Resource { repeated KeyValue attributes = 1; }
  message ScopeSpans { repeated Span spans = 2; }
  message Span {
    bytes trace_id = 1;
    bytes span_id = 2;
    bytes parent_span_id = 4;
    string name = 5;
    int32 kind = 6;
    fixed64 start_time_unix_nano = 7;
    fixed64 end_time_unix_nano = 8;
    repeated KeyValue attributes = 9;
    repeated Link links = 13;
    Status status = 15;
  }
  message Link { bytes trace_id = 1; bytes span_id = 2; }
  message Status { string message = 2; int32 code = 3; }
  message KeyValue { string key = 1; AnyValue value = 2; }
  message AnyValue { oneof value { string string_value = 1; bool bool_value = 2; int64 int_value = 3; double double_value = 4; } }
`);
const REQUEST = root.lookupType("Request");

/** A span as it arrived. */
export interface ReceivedSpan {
  readonly service: string;
  readonly traceId: string;
  readonly spanId: string;
  /** Empty: it has none. */
  readonly parentId: string;
  readonly name: string;
  /** 1 internal, 2 server, 3 client. */
  readonly kind: number;
  readonly startNs: bigint;
  readonly endNs: bigint;
  readonly attributes: Readonly<Record<string, string>>;
  readonly links: readonly string[];
  /** 2: failed. */
  readonly status: number;
}

/** Takes traces as a collector does, by HTTP and by gRPC. */
export interface TraceReceiver {
  readonly url: string;
  readonly grpcUrl: string;
  readonly spans: readonly ReceivedSpan[];
  /** Resolves as soon as what has arrived satisfies. */
  until(satisfies: (spans: readonly ReceivedSpan[]) => boolean): Promise<void>;
}

/** Nobody waits for longer. */
const PATIENCE_MS = 60_000;

export async function startTraceReceiver(t: TestScope): Promise<TraceReceiver> {
  const spans: ReceivedSpan[] = [];
  const watchers = new Set<() => void>();
  const take = (bytes: Uint8Array): void => {
    spans.push(...decode(bytes));
    for (const look of watchers) look();
  };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.once("end", () => {
      const bytes = Buffer.concat(chunks);
      if (request.url !== "/v1/traces" || request.headers["content-type"] !== "application/x-protobuf") {
        response.writeHead(415).end();
        return;
      }
      take(request.headers["content-encoding"] === "gzip" ? gunzipSync(bytes) : bytes);
      response.writeHead(200, { "content-type": "application/x-protobuf" }).end();
    });
  });
  const port = await new Promise<number>((resolve) => {
    server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port));
  });
  defer(t, () => {
    server.closeAllConnections();
    server.close();
  });
  const grpcPort = await startGrpc(t, take);
  return {
    url: `http://127.0.0.1:${port}`,
    grpcUrl: `http://127.0.0.1:${grpcPort}`,
    spans,
    async until(satisfies) {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const look = (): void => {
        if (satisfies(spans)) resolve();
      };
      watchers.add(look);
      const timer = setTimeout(() => {
        const told = spans.map(({ service, name }) => `${service}: ${name}`).join("\n");
        reject(new Error(`not received in time; there is\n${told}`));
      }, PATIENCE_MS);
      look();
      await promise.finally(() => {
        clearTimeout(timer);
        watchers.delete(look);
      });
    },
  };
}

async function startGrpc(t: TestScope, take: (bytes: Uint8Array) => void): Promise<number> {
  const server = new Server();
  const path = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
  const method = {
    path,
    requestStream: false,
    responseStream: false,
    requestSerialize: asIs,
    requestDeserialize: asIs,
    responseSerialize: asIs,
    responseDeserialize: asIs,
  } as const;
  server.addService(
    { export: method },
    {
      export(call: { request: Buffer }, callback: (error: null, reply: Buffer) => void) {
        take(call.request);
        callback(null, Buffer.alloc(0));
      },
    },
  );
  defer(t, () => server.forceShutdown());
  return new Promise((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) => {
      if (error === null) resolve(port);
      else reject(error);
    });
  });
}

function asIs(bytes: Buffer): Buffer {
  return bytes;
}

interface Decoded {
  resourceSpans: { resource: { attributes: KeyValue[] }; scopeSpans: { spans: DecodedSpan[] }[] }[];
}
interface KeyValue {
  key: string;
  value: Record<string, unknown>;
}
interface DecodedSpan {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  kind: number;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  attributes?: KeyValue[];
  links?: { traceId: string; spanId: string }[];
  status?: { code?: number };
}

function decode(bytes: Uint8Array): ReceivedSpan[] {
  const message = REQUEST.toObject(REQUEST.decode(bytes), { bytes: String, longs: String }) as Decoded;
  return message.resourceSpans.flatMap(({ resource, scopeSpans }) => {
    const service = toRecord(resource.attributes)["service.name"] ?? "";
    return scopeSpans.flatMap(({ spans }) => spans.map((span) => toReceived(service, span)));
  });
}

function toReceived(service: string, span: DecodedSpan): ReceivedSpan {
  return {
    service,
    traceId: toHex(span.traceId),
    spanId: toHex(span.spanId),
    parentId: toHex(span.parentSpanId ?? ""),
    name: span.name,
    kind: span.kind,
    startNs: BigInt(span.startTimeUnixNano),
    endNs: BigInt(span.endTimeUnixNano),
    attributes: toRecord(span.attributes ?? []),
    links: (span.links ?? []).map(({ spanId }) => toHex(spanId)),
    status: span.status?.code ?? 0,
  };
}

function toRecord(attributes: readonly KeyValue[]): Record<string, string> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, String(Object.values(value)[0])]));
}

function toHex(base64: string): string {
  return Buffer.from(base64, "base64").toString("hex");
}
