import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { PassThrough, type Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import type { SourceReply } from "../../../src/api/source.ts";
import type { SourceRequest } from "../../../src/api/source-request.ts";
import { type CacheEngine, createCacheEngine, type CacheEngineSettings } from "../../../src/cache/engine/index.ts";
import { createMemoryStore } from "../../../src/cache/memory/index.ts";
import type { ReplyHeaders } from "../../../src/http/message.ts";

/** 2030-01-01, on a whole second. */
export const START_MS = Date.UTC(2030, 0, 1);

/** An engine over the in-process store with a clock of the test's own, in front of a scripted source. */
export interface Bench {
  readonly engine: CacheEngine;
  /** What the source was asked, in order. */
  readonly asked: SourceRequest[];
  nowMs: number;
  random: number;
  /** What the source answers from now on. */
  answer: (request: SourceRequest) => SourceReply | Promise<SourceReply>;
  /** Asks and takes the content. */
  get(target: string, headers?: Record<string, string>, options?: AskOptions): Promise<Got>;
  /** Asks and leaves the content be. */
  ask(target: string, headers?: Record<string, string>, options?: AskOptions): Promise<SourceReply>;
}

export interface AskOptions {
  readonly method?: string;
  readonly identity?: string;
  readonly signal?: AbortSignal;
}

export interface Got {
  readonly status: number;
  readonly headers: ReplyHeaders;
  readonly text: string;
}

export function createBench(settings: Partial<CacheEngineSettings> = {}): Bench {
  const clock = (): number => bench.nowMs;
  const engine = createCacheEngine({
    store: createMemoryStore({ maxBytes: 50_000_000, clock }),
    settings,
    clock,
    random: () => bench.random,
  });
  const resolve = async (forwarded: SourceRequest): Promise<SourceReply> => {
    bench.asked.push(forwarded);
    return bench.answer(forwarded);
  };
  const bench: Bench = {
    engine,
    asked: [],
    nowMs: START_MS,
    // Never early.
    random: 0,
    answer: () => reply("content"),
    async ask(target, headers = {}, { method = "GET", identity = "", signal = new AbortController().signal } = {}) {
      const request = toRequest(method, target, headers, signal);
      return engine.recall(request, resolve, identity);
    },
    async get(target, headers, options) {
      const got = await bench.ask(target, headers, options);
      return { status: got.status, headers: got.headers, text: await textOf(got.body) };
    },
  };
  return bench;
}

/** A reply as an origin would send it at the bench's first moment. */
export function reply(body: SourceReply["body"], headers: ReplyHeaders = {}, status = 200): SourceReply {
  return { status, headers: { "content-type": "text/plain", ...headers }, body };
}

/** A stream to be written by the test. */
export function stream(): PassThrough {
  return new PassThrough();
}

export async function textOf(body: SourceReply["body"]): Promise<string> {
  if (body === undefined) return "";
  if (typeof body === "string") return body;
  return (body instanceof Uint8Array ? Buffer.from(body) : await buffer(body)).toString();
}

/** Lets everything that is ready to run have run. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}

function toRequest(
  method: string,
  target: string,
  headers: Record<string, string>,
  signal: AbortSignal,
): SourceRequest {
  const [path = "", query = ""] = target.split("?");
  const body: Readable = new PassThrough().end();
  return {
    method,
    target,
    path,
    query,
    headers,
    httpVersion: "1.1",
    scheme: "http",
    authority: "api.example",
    remoteAddress: "127.0.0.1",
    signal,
    body,
    subpath: path,
    basePath: "",
  };
}

/** An HTTP origin on a free port. */
export async function createOrigin(
  handle: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<{ readonly url: string; close(): Promise<void> }> {
  const server = createServer(handle).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
