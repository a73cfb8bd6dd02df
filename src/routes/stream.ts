import { Readable } from "node:stream";
import { SqlStream } from "./sql.ts";
import { ContentReply, type ReplyOptions } from "./reply.ts";

/** One server-sent event (HTML standard, "Server-sent events"). */
export interface ServerEvent {
  /** Written as JSON. */
  readonly data: unknown;
  readonly event?: string | undefined;
  /** What a browser that comes back says in `Last-Event-ID`. */
  readonly id?: string | undefined;
  /** How long a browser waits before it does. */
  readonly retryMs?: number | undefined;
}

/**
 * Answers values one a line (`application/x-ndjson`), each sent as it comes. No more are asked for than the client takes; when it leaves,
 * the iterator is ended by `return()`.
 */
export function ndjson(values: AsyncIterable<unknown> | Iterable<unknown>, options: ReplyOptions = {}): ContentReply {
  if (!(values instanceof SqlStream))
    return new ContentReply(toStream(linesOf(values)), "application/x-ndjson", options);
  return new ContentReply(toStream(values.lines()), "application/x-ndjson", options, async () => values.begin());
}

/**
 * Answers server-sent events (`text/event-stream`), with back-pressure like `ndjson`. While there are none, a comment each 15 seconds keeps
 * the connection open; so whoever is asked for the next event must end when it is not wanted any more: heed the signal.
 */
export function events(
  values: AsyncIterable<ServerEvent> | Iterable<ServerEvent>,
  options: ReplyOptions = {},
): ContentReply {
  // An encoder, or a proxy, would hold events back to make more of them.
  const headers = { "cache-control": "no-store, no-transform", "x-accel-buffering": "no", ...options.headers };
  return new ContentReply(toStream(eventsOf(values)), "text/event-stream", { ...options, headers });
}

function toStream(texts: AsyncIterable<string>): Readable {
  return Readable.from(texts, { objectMode: false });
}

async function* linesOf(values: AsyncIterable<unknown> | Iterable<unknown>): AsyncGenerator<string> {
  for await (const value of values) yield `${JSON.stringify(value ?? null)}\n`;
}

async function* eventsOf(values: AsyncIterable<ServerEvent> | Iterable<ServerEvent>): AsyncGenerator<string> {
  const iterator = Symbol.asyncIterator in values ? values[Symbol.asyncIterator]() : values[Symbol.iterator]();
  try {
    let next = Promise.resolve(iterator.next());
    for (;;) {
      const result = await orSilence(next);
      if (result === undefined) {
        yield ":\n\n";
        continue;
      }
      if (result.done === true) return;
      yield eventText(result.value);
      next = Promise.resolve(iterator.next());
    }
  } finally {
    // Not waited for: one that is waiting for its next event would never end.
    void Promise.resolve(iterator.return?.()).catch(ignore);
  }
}

/** What comes, or undefined when nothing has for a while. */
async function orSilence<Value>(coming: Promise<Value>): Promise<Value | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, SILENCE_MS, undefined);
  });
  try {
    return await Promise.race([coming, silence]);
  } finally {
    clearTimeout(timer);
  }
}

function eventText({ data, event, id, retryMs }: ServerEvent): string {
  let text = "";
  if (event !== undefined) text += `event: ${oneLine(event)}\n`;
  if (id !== undefined) text += `id: ${oneLine(id)}\n`;
  if (retryMs !== undefined) text += `retry: ${Math.max(0, Math.trunc(retryMs))}\n`;
  return `${text}data: ${JSON.stringify(data ?? null)}\n\n`;
}

/** A line break would begin another field. */
function oneLine(text: string): string {
  return text.replaceAll(/[\r\n\0]/g, " ");
}

/** Proxies close what is silent for a minute or half of one. */
const SILENCE_MS = 15_000;

function ignore(): void {}
