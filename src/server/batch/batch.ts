import { Readable } from "node:stream";
import type { ServerSettings } from "../../api/settings.ts";
import { decodeContent } from "../../content/decoded-request.ts";
import { HotpathError } from "../../errors.ts";
import type { HttpReply, HttpRequest } from "../../http/message.ts";
import { toProblemReply } from "../../http/problem.ts";
import type { Tracer } from "../../observe/trace/tracer.ts";
import { gatherSettled } from "../../routes/gather.ts";
import { type BatchEntry, parseBatch } from "./entries.ts";
import { toResult } from "./result.ts";
import { SubRequest } from "./sub-request.ts";

/** Answers one request. */
export type Handle = (request: HttpRequest) => HttpReply | Promise<HttpReply>;

export interface BatchSettings extends Omit<ServerSettings["batch"], "path"> {
  readonly path: string;
  /** Of a batch's content, decoded. */
  readonly maxBodyBytes: number;
  /** Fields that identify a sender beside `Authorization`, in lower case. */
  readonly identifying: readonly string[];
}

/**
 * Answers batches: several requests in one, each of which goes the whole walk by itself (identity, limits, cache, statements shared
 * with strangers) and has its own status. All other requests are passed on untouched.
 */
export function withBatches(handle: Handle, settings: BatchSettings, tracer?: Tracer): Handle {
  return (request) => {
    if (request.method !== "POST" || request.path !== settings.path) return handle(request);
    const trace = tracer?.begin(request, performance.now());
    if (trace === undefined) return answerBatch(request, handle, settings);
    const ended = (reply: HttpReply): HttpReply => {
      tracer?.end(trace, request, settings.path, reply);
      return reply;
    };
    return answerBatch(request, handle, settings, trace.root.traceparent).then(ended);
  };
}

async function answerBatch(
  request: HttpRequest,
  handle: Handle,
  settings: BatchSettings,
  traceparent?: string,
): Promise<HttpReply> {
  let entries: readonly BatchEntry[];
  try {
    entries = parseBatch(await readBytes(decodeContent(request, () => settings.maxBodyBytes).body), settings);
  } catch (error) {
    if (error instanceof HotpathError) return toProblemReply(error);
    throw error;
  }
  const run = async (entry: BatchEntry): Promise<string> =>
    toResult(entry.id, await answerEntry(request, entry, handle, settings, traceparent), settings.maxReplyBytes);
  const isStreamed = /\bapplication\/x-ndjson\b/i.test(request.headers.accept ?? "");
  if (isStreamed) return streamed(entries, run, request.signal, settings.concurrency);
  const outcomes = await gatherSettled(
    entries.map((entry) => async () => run(entry)),
    { concurrency: settings.concurrency, signal: request.signal },
  );
  const results = outcomes.map((outcome, at) =>
    outcome.status === "fulfilled" ? outcome.value : leftOut(entries[at]!.id),
  );
  return reply("application/json", `{"responses":[${results.join(",")}]}`);
}

/** Each result on a line of its own, as soon as it is there. */
function streamed(
  entries: readonly BatchEntry[],
  run: (entry: BatchEntry) => Promise<string>,
  signal: AbortSignal,
  concurrency: number,
): HttpReply {
  const body = new Readable({ read() {} });
  const tasks = entries.map((entry) => async () => {
    const line = await run(entry);
    if (!body.destroyed) body.push(`${line}\n`);
  });
  void gatherSettled(tasks, { concurrency, signal }).then(() => body.push(null));
  return reply("application/x-ndjson", body);
}

async function answerEntry(
  request: HttpRequest,
  entry: BatchEntry,
  handle: Handle,
  settings: BatchSettings,
  traceparent: string | undefined,
): Promise<HttpReply> {
  try {
    return await handle(new SubRequest(request, entry, settings.identifying, traceparent));
  } catch (error) {
    return toProblemReply(error instanceof HotpathError ? error : new HotpathError("HP_INTERNAL", "unexpected error"));
  }
}

function leftOut(id: BatchEntry["id"]): string {
  return JSON.stringify({ id, status: 504, headers: {}, body: null });
}

function reply(type: string, body: string | Readable): HttpReply {
  return { status: 200, headers: { "content-type": type, "cache-control": "no-store" }, body, validate: false };
}

async function readBytes(body: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of body) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
