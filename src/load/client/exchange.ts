import type { LoadFailure } from "./failure.ts";

/** One request under way on a connection, and what came of it. Whoever sends owns it, and may send it again once it has ended. */
export interface Exchange {
  readonly isHead: boolean;
  /** Whether `head` is to be filled. */
  readonly wantsHead: boolean;
  /** Whether `body` is to be filled; otherwise content is counted and thrown away. */
  readonly wantsBody: boolean;
  status: number;
  /** The reply's head as HTTP/1.1 writes it, latin1, without the empty line. */
  head: string;
  body: Buffer | undefined;
  /** Of the reply, head included. */
  receivedBytes: number;
  /** On the clock of `performance.now()`: before and after the request was written, the reply's first byte and its last. */
  sentAt: number;
  writtenAt: number;
  firstByteAt: number;
  endedAt: number;
  /** The whole reply is there. */
  ended(): void;
  /** There will be none. */
  failed(failure: LoadFailure): void;
}
