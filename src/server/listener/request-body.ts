import { Readable } from "node:stream";
import { HotpathError } from "../../errors.ts";
import type { ContentBeginning } from "../../http/message.ts";

/**
 * A request's content, bounded. Stands before the connection's own stream because destroying that one, as
 * `for await` does when it is left early, would take the connection and the reply with it.
 *
 * Fails with `HP_BODY_TOO_LARGE` over `maxBytes`, and with `HP_BAD_REQUEST` when the client leaves midway.
 */
export class RequestBody extends Readable {
  readonly #source: Readable;
  readonly #maxBytes: number;
  readonly #onFirstRead: (() => void) | undefined;
  #received = 0;
  #started = false;

  constructor(source: Readable, maxBytes: number, onFirstRead?: () => void) {
    super({ highWaterMark: 64 * 1024 });
    this.#source = source;
    this.#maxBytes = maxBytes;
    this.#onFirstRead = onFirstRead;
    // A body that nobody listens to any more must not bring the process down when its client leaves.
    this.on("error", ignore);
  }

  /** Whether more than `maxBytes` came. */
  get hasOverflowed(): boolean {
    return this.#received > this.#maxBytes;
  }

  override _read(): void {
    if (!this.#started) this.#start();
    this.#source.resume();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#source.off("data", this.#onData).off("end", this.#onEnd).off("close", this.#onClose).pause();
    callback(error);
  }

  #start(): void {
    this.#started = true;
    this.#onFirstRead?.();
    if (this.#source.destroyed) return this.#onClose();
    this.#source.on("data", this.#onData).on("end", this.#onEnd).on("error", ignore).on("close", this.#onClose);
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#received += chunk.length;
    if (this.#received > this.#maxBytes) {
      this.destroy(bodyTooLarge(this.#maxBytes));
    } else if (!this.push(chunk)) {
      this.#source.pause();
    }
  };

  readonly #onEnd = (): void => {
    this.push(null);
  };

  readonly #onClose = (): void => {
    if (!this.#source.readableEnded) this.destroy(endedEarly());
  };
}

/** Reads a request's content up to `maxBytes`, or a little beyond it; then the connection's stream is paused. Fails as `RequestBody` does. */
export function takeContent(
  source: Readable,
  limit: { readonly maxBytes: number; readonly onFirstRead?: () => void },
  maxBytes: number,
): Promise<ContentBeginning> {
  return new Promise((resolve, reject) => {
    let chunks: Buffer[] | undefined;
    let bytes: Buffer = EMPTY;
    let length = 0;
    const onData = (chunk: Buffer): void => {
      // Nearly all content comes in one piece.
      if (length === 0) bytes = chunk;
      else (chunks ??= [bytes]).push(chunk);
      length += chunk.length;
      if (length <= maxBytes && length <= limit.maxBytes) return;
      source.off("data", onData).off("end", onEnd).off("close", onClose).pause();
      if (length > limit.maxBytes) reject(bodyTooLarge(limit.maxBytes));
      else resolve({ bytes: chunks === undefined ? bytes : Buffer.concat(chunks), goesOn: true });
    };
    const onEnd = (): void => resolve({ bytes: chunks === undefined ? bytes : Buffer.concat(chunks), goesOn: false });
    const onClose = (): void => {
      if (!source.readableEnded) reject(endedEarly());
    };
    limit.onFirstRead?.();
    if (source.destroyed) onClose();
    else source.on("error", ignore).on("close", onClose).on("end", onEnd).on("data", onData);
  });
}

const EMPTY = Buffer.alloc(0);

/** The content of a request that has none. */
export function emptyBody(): Readable {
  const body = new Readable({ read: ignore });
  body.push(null);
  return body;
}

/** The refusal of content over `maxBytes`. */
export function bodyTooLarge(maxBytes: number): HotpathError {
  return new HotpathError("HP_BODY_TOO_LARGE", `The content has more than ${maxBytes} bytes.`);
}

function endedEarly(): HotpathError {
  return new HotpathError("HP_BAD_REQUEST", "The content ended early.");
}

function ignore(): void {}
