import type { IncomingHttpHeaders } from "node:http";
import { Readable } from "node:stream";
import type { Procedure, ProcedureRequest } from "../../api/procedures.ts";
import type { Encoding } from "../../content/compression/index.ts";
import { ByteWriter } from "../../content/protobuf/byte-writer.ts";
import { readStatus, type RpcStatus, statusOf } from "../../content/grpc/status.ts";
import { HotpathError } from "../../errors.ts";
import type { ContentBeginning, HttpReply, HttpRequest, ReplyHeaders } from "../../http/message.ts";
import { toProblem } from "../../http/problem.ts";

/** Answers one request. */
export type Handle = (request: HttpRequest) => HttpReply | Promise<HttpReply>;

/** What calls are held to. */
export interface CallSettings {
  /** Of a message, decompressed. */
  readonly maxBodyBytes: number;
  /** Content codings on offer, the preferred first. Empty: nothing is compressed. */
  readonly encodings: readonly Encoding[];
  /** Messages shorter than this are sent as they are. */
  readonly compressFromBytes: number;
}

/** What a call came to: a message, or what went wrong; and the fields of the reply that tell the caller more. */
export interface CallResult {
  readonly message: Buffer;
  /** What follows the message's bytes, and is part of it: a list's cursor and total. */
  readonly place: Buffer | undefined;
  readonly failure: RpcStatus | undefined;
  readonly headers: ReplyHeaders;
  /** Path and query of the next page of rows. */
  readonly next: string | undefined;
}

/**
 * Carries out a call.
 *
 * @param timeoutMs what is left of its time; absent: no limit of its own
 */
export async function runCall(
  walk: Handle,
  caller: HttpRequest,
  asked: ProcedureRequest,
  timeoutMs: number | undefined,
  answers: Procedure["answers"],
): Promise<CallResult> {
  let reply: HttpReply;
  try {
    reply = await walk(new CallRequest(caller, asked, timeoutMs, answers));
  } catch (error) {
    return failed(toFailure(error));
  }
  const headers = tellingHeaders(reply.headers);
  const bytes = await readBody(reply.body);
  if (reply.status >= 300) return { ...failed(failureOf(reply, bytes)), headers };
  if (asked.ofReply !== undefined) return ofReply(asked.ofReply, bytes, reply, headers);
  const next = answers === "message" ? undefined : nextOf(reply.headers["link"]);
  return {
    message: bytes,
    place: answers === "list" ? placeOf(next, reply.headers["content-range"]) : undefined,
    failure: undefined,
    headers,
    next,
  };
}

function ofReply(
  make: (content: Buffer, type: string) => Buffer,
  bytes: Buffer,
  reply: HttpReply,
  headers: ReplyHeaders,
): CallResult {
  try {
    const message = make(bytes, String(reply.headers["content-type"] ?? ""));
    return { message, place: undefined, failure: undefined, headers, next: undefined };
  } catch (error) {
    return { ...failed(toFailure(error)), headers };
  }
}

/** Errors come as messages, since that is what the request accepts; those that are made outside of the walk come in JSON. */
function failureOf({ status, headers }: HttpReply, bytes: Buffer): RpcStatus {
  const isMessage = String(headers["content-type"] ?? "").includes("protobuf");
  return isMessage ? readStatus(bytes) : statusOf(status, bytes.toString("utf8"));
}

export function failed(failure: RpcStatus): CallResult {
  return { message: NOTHING, place: undefined, failure, headers: {}, next: undefined };
}

/** What went wrong before anything was asked. */
export function toFailure(error: unknown): RpcStatus {
  const known = error instanceof HotpathError ? error : new HotpathError("HP_INTERNAL", "unexpected error");
  return statusOf(known.status, JSON.stringify(toProblem(known)));
}

export const NOTHING = Buffer.alloc(0);

/** Fields of the call that are about its own content, its protocol or its connection. */
const OWN = new Set([
  "accept",
  "accept-encoding",
  "connection",
  "content-encoding",
  "content-length",
  "content-type",
  "expect",
  "if-modified-since",
  "if-none-match",
  "keep-alive",
  "range",
  "request-timeout",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** A call as the request that it means: it comes from where the call came from, and ends with it. */
class CallRequest implements HttpRequest {
  readonly method: string;
  readonly target: string;
  readonly path: string;
  readonly query: string;
  readonly headers: Readonly<IncomingHttpHeaders>;
  readonly httpVersion: string;
  readonly scheme: "http" | "https";
  readonly authority: string;
  readonly remoteAddress: string;
  readonly hasContent: boolean;
  readonly isUnconditional: boolean;
  readonly #caller: HttpRequest;
  readonly #content: Buffer | undefined;
  #body: Readable | undefined;

  constructor(
    caller: HttpRequest,
    { method, path, query, headers, content }: ProcedureRequest,
    timeoutMs: number | undefined,
    answers: Procedure["answers"],
  ) {
    this.#caller = caller;
    this.#content = content;
    this.method = method;
    this.path = path;
    this.query = query;
    this.target = query === "" ? path : `${path}?${query}`;
    this.headers = headersOf(caller.headers, headers, content, timeoutMs);
    this.httpVersion = caller.httpVersion;
    this.scheme = caller.scheme;
    this.authority = caller.authority;
    this.remoteAddress = caller.remoteAddress;
    this.hasContent = content !== undefined;
    // A row's tag is what `if-match` holds against it; of a list nobody asks.
    this.isUnconditional = answers !== "message";
  }

  get signal(): AbortSignal {
    return this.#caller.signal;
  }

  get body(): Readable {
    this.#body ??= Readable.from(this.#content === undefined ? [] : [this.#content], { objectMode: false });
    return this.#body;
  }

  takeContent(): Promise<ContentBeginning> | undefined {
    return Promise.resolve({ bytes: this.#content ?? NOTHING, goesOn: false });
  }
}

function headersOf(
  given: Readonly<IncomingHttpHeaders>,
  own: Readonly<Record<string, string>>,
  content: Buffer | undefined,
  timeoutMs: number | undefined,
): IncomingHttpHeaders {
  const headers: IncomingHttpHeaders = {};
  for (const name in given) {
    if (!OWN.has(name) && !name.startsWith("grpc-") && !name.startsWith("connect-")) headers[name] = given[name];
  }
  const { prefer } = headers;
  Object.assign(headers, own);
  if (prefer !== undefined && own["prefer"] !== undefined) headers["prefer"] = `${own["prefer"]}, ${String(prefer)}`;
  if (content !== undefined) headers["content-length"] = String(content.length);
  if (timeoutMs !== undefined) headers["request-timeout"] = Math.max(0.001, timeoutMs / 1000).toFixed(3);
  return headers;
}

/** Fields that are not about the content. */
function tellingHeaders(given: ReplyHeaders): ReplyHeaders {
  const headers: ReplyHeaders = {};
  for (const name in given) {
    const value = given[name];
    const isOfContent =
      name.startsWith("content-") || name === "link" || name === "location" || name === "accept-ranges";
    if (value !== undefined && !isOfContent) headers[name] = value;
  }
  const exposed = headers["access-control-expose-headers"];
  if (exposed !== undefined) headers["access-control-expose-headers"] = `${String(exposed)}, ${STATUS_FIELDS}`;
  return headers;
}

const STATUS_FIELDS = "Grpc-Status, Grpc-Message, Grpc-Status-Details-Bin";

async function readBody(body: HttpReply["body"]): Promise<Buffer> {
  if (body === undefined) return NOTHING;
  if (typeof body === "string") return Buffer.from(body);
  if (body instanceof Uint8Array) return Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const chunks: Buffer[] = [];
  for await (const chunk of body) chunks.push(Buffer.from(chunk as Buffer | string));
  return Buffer.concat(chunks);
}

function nextOf(link: string | string[] | undefined): string | undefined {
  return typeof link === "string" ? /^<([^>]*)>; *rel="?next"?/.exec(link)?.[1] : undefined;
}

/** A list's cursor and total, which stand behind the rows: what follows a message is part of it. */
function placeOf(next: string | undefined, range: string | string[] | undefined): Buffer | undefined {
  const total = typeof range === "string" ? /\/(\d+)$/.exec(range)?.[1] : undefined;
  const after = next === undefined ? undefined : new URLSearchParams(next.slice(next.indexOf("?") + 1)).get("after");
  if (total === undefined && (after === undefined || after === null)) return undefined;
  const writer = placeWriter;
  if (after !== undefined && after !== null) {
    writer.varint(NEXT_TAG);
    writer.text(after);
  }
  if (total !== undefined) {
    writer.reserve(15);
    writer.varint(TOTAL_TAG);
    writer.int64(BigInt(total));
  }
  // So short that memory of its own would cost more than it.
  const place = Buffer.from(writer.bytes.subarray(0, writer.at));
  writer.at = 0;
  return place;
}

const placeWriter = new ByteWriter(1024);

/** Of the fields 2 and 3 of a list. */
const NEXT_TAG = 0x12;
const TOTAL_TAG = 0x18;
