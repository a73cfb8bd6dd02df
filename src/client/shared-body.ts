/** What a body needs to know of its client. */
export interface SharedBodyLimits {
  /** Read ahead of the slowest reader up to this; a body as large or larger is not kept whole. */
  readonly maxBytes: number;
  readonly idleTimeoutMs: number;
}

/** One of those who read a body. */
interface Reader {
  /** Number of the chunk it reads next, counted from the beginning of the body. */
  next: number;
  /** Set while it waits for more. */
  wake: (() => void) | undefined;
  /** Why it gets nothing more. */
  failure: { readonly reason: unknown } | undefined;
  readonly end: () => void;
}

/**
 * One response body for any number of readers, each at its own pace and from the beginning.
 *
 * The source is read ahead up to `maxBytes` whether anyone reads or not: a response whose body nobody looks at is stored, too, and
 * frees its connection. A body larger than that is not kept: what all readers have passed is dropped, and the source waits for the
 * slowest of them. A reader that stands still for `idleTimeoutMs` while others wait for it is cut off.
 */
export class SharedBody {
  /** The whole content, or `undefined` if it is too large, broke off, or was given up. Never rejects. */
  readonly whole: Promise<Uint8Array<ArrayBuffer> | undefined>;
  readonly #limits: SharedBodyLimits;
  readonly #readers = new Set<Reader>();
  readonly #chunks: Uint8Array[] = [];
  /** How many chunks have been dropped, and how many bytes the others have. */
  #dropped = 0;
  #bytes = 0;
  #state: "open" | "complete" | "failed" = "open";
  #error: unknown;
  #resume: (() => void) | undefined;

  /** @param signal gives the body up when it aborts. */
  constructor(source: ReadableStream<Uint8Array>, limits: SharedBodyLimits, signal: AbortSignal) {
    this.#limits = limits;
    signal.addEventListener("abort", () => this.#resume?.(), { once: true });
    this.whole = this.#readAll(source.getReader(), signal);
  }

  /** Whether a reader that comes now gets everything. */
  get isOpenToReaders(): boolean {
    return this.#dropped === 0 && this.#state !== "failed";
  }

  /** A stream of the whole content. `onEnd` is called once, when nothing more will be read from it. */
  open(signal: AbortSignal | undefined, onEnd: () => void): ReadableStream<Uint8Array> {
    let stream: ReadableStreamDefaultController<Uint8Array> | undefined;
    const abort = (): void => {
      stream?.error(signal?.reason);
      cutOff(reader, signal?.reason);
    };
    const end = (): void => {
      if (!this.#readers.delete(reader)) return;
      signal?.removeEventListener("abort", abort);
      this.#moved();
      onEnd();
    };
    const reader: Reader = { next: 0, wake: undefined, failure: undefined, end };
    this.#readers.add(reader);
    signal?.addEventListener("abort", abort, { once: true });
    return new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          stream = controller;
        },
        pull: async (controller) => {
          try {
            const chunk = await this.#read(reader);
            if (chunk !== undefined) return controller.enqueue(chunk);
            controller.close();
          } catch (error) {
            controller.error(error);
          }
          end();
        },
        cancel: end,
      },
      { highWaterMark: 0 },
    );
  }

  async #readAll(
    source: ReadableStreamDefaultReader<Uint8Array>,
    signal: AbortSignal,
  ): Promise<Uint8Array<ArrayBuffer> | undefined> {
    try {
      for (;;) {
        while (this.#isFull && !signal.aborted) await this.#room();
        signal.throwIfAborted();
        const { done, value } = await within(this.#limits.idleTimeoutMs, source.read());
        if (done) break;
        if (value.byteLength === 0) continue;
        this.#chunks.push(value);
        this.#bytes += value.byteLength;
        this.#moved();
      }
      this.#state = "complete";
      return this.#dropped === 0 && !this.#isFull ? concat(this.#chunks, this.#bytes) : undefined;
    } catch (error) {
      this.#state = "failed";
      this.#error = error;
      source.cancel(error).catch(() => {});
      return undefined;
    } finally {
      for (const reader of this.#readers) wake(reader);
    }
  }

  get #isFull(): boolean {
    return Math.max(this.#bytes, this.#chunks.length * LEAST_CHUNK_COST) >= this.#limits.maxBytes;
  }

  /** Something was added or read, or a reader came to its end. */
  #moved(): void {
    const written = this.#dropped + this.#chunks.length;
    for (const reader of this.#readers) if (reader.next < written) wake(reader);
    if (this.#isFull && this.#readers.size > 0) {
      for (let passed = this.#slowest() - this.#dropped; passed > 0; passed--) {
        this.#bytes -= this.#chunks.shift()?.byteLength ?? 0;
        this.#dropped++;
      }
    }
    this.#resume?.();
  }

  #slowest(): number {
    return Math.min(...[...this.#readers].map(({ next }) => next));
  }

  /** Waits for a reader to move on. Those who hold others up get `idleTimeoutMs`. */
  async #room(): Promise<void> {
    const moved = new Promise<void>((resolve) => {
      this.#resume = resolve;
    });
    if (![...this.#readers].some((reader) => reader.wake !== undefined)) return moved;
    try {
      await within(this.#limits.idleTimeoutMs, moved);
    } catch (reason) {
      const slowest = this.#slowest();
      for (const reader of this.#readers) if (reader.next === slowest) cutOff(reader, reason);
    }
  }

  /** The next part for one reader: a copy, since readers may change or transfer what they get. */
  async #read(reader: Reader): Promise<Uint8Array | undefined> {
    for (;;) {
      if (reader.failure !== undefined) throw reader.failure.reason;
      const chunk = this.#chunks[reader.next - this.#dropped];
      if (chunk !== undefined) {
        reader.next++;
        this.#moved();
        return chunk.slice();
      }
      if (this.#state === "failed") throw this.#error;
      if (this.#state === "complete") return undefined;
      await new Promise<void>((resolve) => {
        reader.wake = resolve;
        // The source may be waiting for a slower reader, and must know that now somebody waits for it.
        this.#resume?.();
      });
    }
  }
}

/** What a chunk counts at least: a server that sends byte by byte must not fill the memory with bookkeeping. */
const LEAST_CHUNK_COST = 256;

function wake(reader: Reader): void {
  reader.wake?.();
  reader.wake = undefined;
}

function cutOff(reader: Reader, reason: unknown): void {
  reader.failure = { reason };
  wake(reader);
  reader.end();
}

function concat(chunks: readonly Uint8Array[], length: number): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.byteLength;
  }
  return whole;
}

async function within<Value>(limitMs: number, promise: Promise<Value>): Promise<Value> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const timeout = new Promise<never>((_resolve, reject) => {
    if (limitMs >= 2 ** 31) return;
    timer = setTimeout(() => reject(new DOMException(`Nothing moved for ${limitMs} ms.`, "TimeoutError")), limitMs);
  });
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
