import { Readable } from "node:stream";

/** Room for content being gathered, shared by all replies. */
export class GatheringRoom {
  #left: number;

  constructor(maxBytes: number) {
    this.#left = maxBytes;
  }

  take(bytes: number): boolean {
    if (bytes > this.#left) return false;
    this.#left -= bytes;
    return true;
  }

  giveBack(bytes: number): void {
    this.#left += bytes;
  }
}

/** How content is gathered. */
export interface GatherOptions {
  readonly maxBytes: number;
  readonly room: GatheringRoom;
  /** What `Content-Length` says; content of another length is not whole. */
  readonly announcedBytes: number | undefined;
  /** How long gathering may go on once the client has left. */
  readonly unattendedMs: number;
  /** Told once: the content when it is whole, `undefined` when it never will be or is too long. */
  readonly gathered: (content: Buffer | undefined) => void;
}

/**
 * Passes a stream on as it comes and gathers it for storage on the way. While it gathers, a slow client does not slow it down: what
 * the client has yet to take is what is held for storage anyway. Once the content turns out too long, only back-pressure counts.
 *
 * A stream that breaks off, or has another length than announced, breaks the copy off as well. A client that leaves early
 * does not stop the gathering: others will ask.
 */
export class GatheredBody extends Readable {
  readonly #source: Readable;
  readonly #options: GatherOptions;
  #chunks: Buffer[] = [];
  #gatheredBytes = 0;
  #passedBytes = 0;
  #isGathering = true;
  #hasEnded = false;
  #departure: NodeJS.Timeout | undefined;

  constructor(source: Readable, options: GatherOptions) {
    super({ highWaterMark: HIGH_WATER_MARK });
    this.#source = source;
    this.#options = options;
    const { announcedBytes, maxBytes } = options;
    if (announcedBytes !== undefined && announcedBytes > maxBytes) this.#stopGathering();
    source.on("data", (chunk: Buffer | string) => this.#take(typeof chunk === "string" ? Buffer.from(chunk) : chunk));
    source.once("end", () => this.#end());
    source.on("error", (error) => this.#fail(error));
    source.once("close", () => this.#fail(new Error("reply body closed before its end")));
    // It may fail before its reader has got it, who then finds it destroyed; unheard, the event would end the process.
    this.on("error", ignore);
    if (source.destroyed) this.#fail(source.errored ?? new Error("reply body was closed before it was read"));
  }

  override _read(): void {
    if (this.#source.isPaused()) this.#source.resume();
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    if (!this.#hasEnded) {
      if (this.#isGathering && error === null)
        this.#departure = setTimeout(() => this.#abandon(), this.#options.unattendedMs);
      else this.#abandon();
    }
    this.#giveBack();
    callback(error);
  }

  #take(chunk: Buffer): void {
    if (this.#hasEnded) return;
    const { announcedBytes, maxBytes, room } = this.#options;
    this.#passedBytes += chunk.byteLength;
    if (announcedBytes !== undefined && this.#passedBytes > announcedBytes) {
      this.#fail(new Error(`reply body has more than the announced ${announcedBytes} bytes`));
      return;
    }
    if (this.#isGathering) {
      if (this.#passedBytes <= maxBytes && room.take(chunk.byteLength)) {
        this.#gatheredBytes += chunk.byteLength;
        this.#chunks.push(chunk);
      } else this.#stopGathering();
    }
    if (this.destroyed) {
      if (!this.#isGathering) this.#abandon();
    } else if (!this.push(chunk) && !this.#isGathering) this.#source.pause();
  }

  #end(): void {
    if (this.#hasEnded) return;
    const { announcedBytes } = this.#options;
    if (announcedBytes !== undefined && announcedBytes !== this.#passedBytes) {
      this.#fail(new Error(`reply body has ${this.#passedBytes} bytes where ${announcedBytes} were announced`));
      return;
    }
    this.#hasEnded = true;
    if (this.#isGathering) {
      const content = Buffer.concat(this.#chunks, this.#gatheredBytes);
      this.#stopGathering(content);
    }
    clearTimeout(this.#departure);
    if (!this.destroyed) this.push(null);
  }

  #fail(error: Error): void {
    if (this.#hasEnded) return;
    this.#abandon();
    this.destroy(error);
  }

  #abandon(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    clearTimeout(this.#departure);
    this.#stopGathering();
    this.#source.destroy();
  }

  #stopGathering(content?: Buffer): void {
    if (!this.#isGathering) return;
    this.#isGathering = false;
    this.#chunks = [];
    this.#giveBack();
    this.#options.gathered(content);
  }

  /** The room is free when neither the gathering nor the client's backlog holds the chunks. */
  #giveBack(): void {
    if (this.#isGathering || !this.destroyed) return;
    this.#options.room.giveBack(this.#gatheredBytes);
    this.#gatheredBytes = 0;
  }
}

const HIGH_WATER_MARK = 64 * 1024;

function ignore(): void {}
