import type { Client } from "./client.ts";

/** A reply, its JSON read. */
export interface Answer {
  readonly status: number;
  readonly headers: { get(name: string): string | null };
  readonly body: unknown;
}

/** A read on its way. */
interface Waiting {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly signal: AbortSignal | undefined;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (reason: unknown) => void;
  isOver: boolean;
}

/** Sends reads: one by itself, through the cache; those of one tick that nothing stored can answer together. */
export interface Reads {
  read(path: string, headers: Readonly<Record<string, string>>, signal: AbortSignal | undefined): Promise<Answer>;
}

/**
 * @param base without a trailing slash
 * @param batchPath where batches are taken; null: everything is sent by itself
 */
export function createReads(client: Client, base: string, batchPath: string | null): Reads {
  let waiting: Waiting[] = [];
  /** A server that knows no batches is not asked again. */
  let takesBatches = batchPath !== null;

  async function alone({ path, headers, signal, resolve, reject }: Waiting): Promise<void> {
    try {
      resolve(await toAnswer(await client.fetch(base + path, { headers, ...(signal && { signal }) })));
    } catch (error) {
      reject(error);
    }
  }

  /** What is stored and fresh costs nothing. */
  async function fromStore(read: Waiting): Promise<boolean> {
    const headers = { ...read.headers, "cache-control": "only-if-cached" };
    const response = await client.fetch(base + read.path, { headers });
    if (response.status === 504) return false;
    read.resolve(await toAnswer(response));
    return true;
  }

  async function together(reads: readonly Waiting[]): Promise<void> {
    const stored = await Promise.all(reads.map(fromStore));
    const left = reads.filter((read, place) => stored[place] !== true && !read.isOver);
    for (let from = 0; from < left.length; from += MOST_REQUESTS) {
      await batch(left.slice(from, from + MOST_REQUESTS)).catch((error: unknown) => {
        for (const read of left.slice(from)) read.reject(error);
      });
    }
  }

  async function batch(reads: readonly Waiting[]): Promise<void> {
    if (reads.length === 1 || !takesBatches) {
      await Promise.all(reads.map(alone));
      return;
    }
    const { authorization, ...fields } = reads[0]?.headers ?? {};
    const requests = reads.map(({ path, headers }) => ({ path, headers }));
    const abort = new AbortController();
    // It goes on for as long as anybody waits for it.
    const left = (): void => {
      if (reads.every(({ isOver }) => isOver)) abort.abort();
    };
    for (const { signal } of reads) signal?.addEventListener("abort", left, { once: true });
    const response = await client.fetch(base + (batchPath ?? ""), {
      method: "POST",
      headers: { ...fields, ...(authorization !== undefined && { authorization }), "content-type": "application/json" },
      body: JSON.stringify({ requests }),
      signal: abort.signal,
    });
    if (response.status === 404 || response.status === 405) {
      takesBatches = false;
      await response.body?.cancel();
      await Promise.all(reads.map(alone));
      return;
    }
    const answered = await toAnswer(response);
    const { responses } = (answered.body ?? {}) as { responses?: readonly BatchResponse[] };
    for (const [place, { resolve }] of reads.entries()) {
      const each = responses?.[place];
      resolve(each === undefined ? answered : { ...each, headers: { get: (name) => each.headers?.[name] ?? null } });
    }
  }

  function flush(): void {
    const reads = waiting;
    waiting = [];
    const [first] = reads;
    if (first === undefined) return;
    if (reads.length === 1) void alone(first);
    else void together(reads);
  }

  return {
    read: (path, headers, signal) =>
      new Promise((resolve, reject) => {
        signal?.throwIfAborted();
        const settle = (): void => {
          read.isOver = true;
          signal?.removeEventListener("abort", leave);
        };
        const leave = (): void => read.reject(signal?.reason);
        const read: Waiting = {
          path,
          headers,
          signal,
          isOver: false,
          resolve(answer) {
            settle();
            resolve(answer);
          },
          reject(reason) {
            settle();
            reject(reason instanceof Error ? reason : new Error(String(reason)));
          },
        };
        signal?.addEventListener("abort", leave, { once: true });
        if (waiting.push(read) > 1) return;
        if (takesBatches) queueMicrotask(flush);
        else flush();
      }),
  };
}

interface BatchResponse {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: unknown;
}

/** What a server takes at once by default (`batch.maxRequests`). */
const MOST_REQUESTS = 100;

/** Reads a reply's JSON; other content is left out. */
export async function toAnswer(response: Response): Promise<Answer> {
  const { status, headers } = response;
  const text = await response.text();
  try {
    return { status, headers, body: text === "" ? undefined : JSON.parse(text) };
  } catch {
    return { status, headers, body: undefined };
  }
}
