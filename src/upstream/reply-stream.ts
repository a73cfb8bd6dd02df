import { Readable } from "node:stream";

/** What a reply's body is read from. */
export interface ReplyFlow {
  pause(): void;
  resume(): void;
  /** The rest is not wanted. */
  abandon(): void;
}

/** The body of an upstream's reply: reading it lets the connection go on, destroying it gives the connection up. */
export class ReplyStream extends Readable {
  readonly #flow: ReplyFlow;
  #isComplete = false;

  constructor(flow: ReplyFlow) {
    super({ highWaterMark: HIGH_WATER_MARK });
    this.#flow = flow;
    // Whoever reads has a listener of their own; without any, a failure must not end the process.
    this.on("error", ignore);
  }

  /** Adds a piece; makes the connection wait once enough is queued. */
  add(chunk: Buffer): void {
    if (!this.destroyed && !this.push(chunk)) this.#flow.pause();
  }

  /** The body is whole. */
  complete(): void {
    this.#isComplete = true;
    this.push(null);
  }

  /** The connection failed: nothing is left to give up. */
  fail(error: Error): void {
    this.#isComplete = true;
    this.destroy(error);
  }

  override _read(): void {
    if (!this.#isComplete) this.#flow.resume();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    if (!this.#isComplete) this.#flow.abandon();
    callback(error);
  }
}

/** A slow client holds this much of a reply, and what the sockets on both sides hold. */
const HIGH_WATER_MARK = 64 * 1024;

function ignore(): void {}
