import {
  Agent,
  type ClientRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request as requestHttp,
} from "node:http";
import { Agent as TlsAgent, request as requestHttps } from "node:https";
import { performance } from "node:perf_hooks";
import { brotliDecompressSync, gunzipSync, inflateSync, zstdDecompressSync } from "node:zlib";
import { VERSION } from "../version.ts";

/** One request and its reply, as they were sent. */
export interface Exchange {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  readonly sent: Readonly<Record<string, string>>;
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** As it came, with its content coding. */
  readonly encoded: Buffer;
  /** Without content coding; undefined: one that we cannot undo. */
  readonly content: Buffer | undefined;
  /** From sending to the first byte of the reply's head, and to its end. */
  readonly firstByteMs: number;
  readonly totalMs: number;
  /** Whether the connection had been used before. */
  readonly isReused: boolean;
}

/** Sends requests to one origin, no more than it was allowed, and none once the origin shows that it has had enough. */
export interface Prober {
  readonly origin: URL;
  readonly used: number;
  /** Why no more is asked; undefined: nothing speaks against it. */
  readonly stopped: string | undefined;
  /** @throws ProbeStopped when there is no leave for another request, and for replies that do not come */
  send(target: string, headers?: Readonly<Record<string, string>>, options?: SendOptions): Promise<Exchange>;
  close(): void;
}

export interface SendOptions {
  readonly method?: "GET" | "HEAD";
  /** On a connection of its own. */
  readonly isFresh?: boolean;
}

/** The audit is over for this origin; what was found until then stands. */
export class ProbeStopped extends Error {
  override readonly name = "ProbeStopped";
}

export interface ProberSettings {
  readonly maxRequests: number;
  /** Sent with each request, e.g. credentials. */
  readonly headers: Readonly<Record<string, string>>;
  /** Certificates of whoever are believed: for servers of one's own. */
  readonly isInsecure?: boolean;
}

const TIMEOUT_MS = 15_000;
/** What is longer is cut off, and not judged. */
const MAX_BODY_BYTES = 16 * 1024 * 1024;
const MAX_FAILURES = 3;
const MAX_SOCKETS = 8;

export function createProber(
  origin: URL,
  { maxRequests, headers: always, isInsecure = false }: ProberSettings,
): Prober {
  const isTls = origin.protocol === "https:";
  const tls = { rejectUnauthorized: !isInsecure };
  const agent = isTls
    ? new TlsAgent({ keepAlive: true, maxSockets: MAX_SOCKETS, ...tls })
    : new Agent({ keepAlive: true, maxSockets: MAX_SOCKETS });
  let used = 0;
  let failures = 0;
  let stopped: string | undefined;

  const judge = (status: number, target: string): void => {
    if (status === 429) stopped = `it answered 429 (too many requests) to ${target}`;
    else if (status >= 500 && ++failures >= MAX_FAILURES)
      stopped = `it answered ${status} to ${target}, the third failure`;
  };

  return {
    origin,
    get used() {
      return used;
    },
    get stopped() {
      return stopped;
    },
    async send(target, headers = {}, { method = "GET", isFresh = false } = {}) {
      if (stopped !== undefined) throw new ProbeStopped(stopped);
      if (used >= maxRequests) {
        stopped = `all ${maxRequests} requests are used up`;
        throw new ProbeStopped(stopped);
      }
      used++;
      const sent = { "user-agent": `hotpath-audit/${VERSION}`, accept: "*/*", ...always, ...headers };
      const start = isTls ? requestHttps : requestHttp;
      try {
        const exchange = await new Promise<Exchange>((resolve, reject) => {
          const began = performance.now();
          const request = start({
            hostname: origin.hostname.replace(/^\[|\]$/g, ""),
            port: origin.port || (isTls ? 443 : 80),
            path: target,
            method,
            headers: sent,
            agent: isFresh ? false : agent,
            timeout: TIMEOUT_MS,
            ...(isTls && tls),
          });
          request.once("timeout", () => request.destroy(new Error(`no answer within ${TIMEOUT_MS / 1000} s`)));
          request.once("error", reject);
          request.once("response", (response) => {
            const firstByteMs = performance.now() - began;
            collect(response, request).then(
              (encoded) =>
                resolve({
                  method,
                  target,
                  sent,
                  status: response.statusCode ?? 0,
                  headers: response.headers,
                  encoded,
                  content: decode(encoded, response.headers["content-encoding"]),
                  firstByteMs,
                  totalMs: performance.now() - began,
                  isReused: request.reusedSocket,
                }),
              reject,
            );
          });
          request.end();
        });
        judge(exchange.status, target);
        return exchange;
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        if (++failures >= MAX_FAILURES || used === 1) stopped = `${target}: ${reason}`;
        throw new ProbeStopped(`${target}: ${reason}`);
      }
    },
    close: () => agent.destroy(),
  };
}

async function collect(response: IncomingMessage, request: ClientRequest): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) {
      request.destroy();
      throw new Error(`the reply is longer than ${MAX_BODY_BYTES / 1024 / 1024} MiB`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function decode(encoded: Buffer, coding: string | undefined): Buffer | undefined {
  const limit = { maxOutputLength: 4 * MAX_BODY_BYTES };
  try {
    switch (coding?.toLowerCase()) {
      case undefined:
      case "":
      case "identity":
        return encoded;
      case "gzip":
      case "x-gzip":
        return gunzipSync(encoded, limit);
      case "br":
        return brotliDecompressSync(encoded, limit);
      case "zstd":
        return zstdDecompressSync(encoded, limit);
      case "deflate":
        return inflateSync(encoded, limit);
      default:
        return undefined;
    }
  } catch {
    return undefined;
  }
}
