import type { Socket } from "node:net";
import type { NodeLink } from "../cache/node-link.ts";
import type { PurgeSelector } from "../cache/store.ts";
import type { CountAnswer, CountAsk, Question } from "./messages.ts";

/** A worker's way to the supervisor, and through it to the other workers of the machine. */
export interface WorkerLink {
  /** Which of the workers this is, from 1. Its successor after a crash or a reload has the same number. */
  readonly slot: number;
  /** Where the supervisor listens. */
  readonly url: string;
  readonly adminUrl: string | undefined;
  /** What the workers arrange among themselves. */
  readonly nodes: NodeLink;
  readonly purges: OtherPurges;
  /** Asks for units of a rate limit; rejects when no answer comes in time. */
  count(ask: Omit<CountAsk, "number">, timeoutMs: number): Promise<CountAnswer>;
  /** The same without an answer. */
  charge(ask: Omit<CountAsk, "number">): void;
  /** From now on connections are given to the taker. */
  take(taker: (socket: Socket) => void): void;
  /** Who answers what the supervisor asks. */
  answer(answerer: (question: Question) => unknown): void;
}

/** Purges over all workers. */
export interface OtherPurges {
  /** Resolves once no other worker has it any more. Never rejects. */
  tell(selector: PurgeSelector): Promise<void>;
  /** Who is told what others purge. At most one listener. */
  listen(listener: (selector: PurgeSelector) => void): void;
}
