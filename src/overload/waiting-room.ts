import type { Priorities } from "./priority.ts";
import { PRIORITIES, type Priority } from "./priority.ts";
import { type Waiting, WaitingList } from "../waiting-list.ts";

/** A request that waits for its turn. */
export interface Ticket extends Waiting<Ticket> {
  readonly priority: Priority;
  /** Tells it that it may go on, or why not. */
  readonly settle: (refusal: Refusal | undefined) => void;
}

/** Why a request is not given to its source: it waited for too long, too many wait, or its client left. */
export type Refusal = "late" | "crowded" | "left";

export interface WaitingRoomOptions {
  /** How long a request may wait in a burst. */
  readonly delayMs: number;
  /** How long one may wait, if that is less, once more comes than can be answered. */
  readonly standingDelayMs: () => number;
  /** Told of each who was refused. */
  readonly refused?: (nowMs: number) => void;
  readonly maxWaiting: number;
  /** Of a hundred turns, those that each priority gets at least while it has anyone waiting. */
  readonly shares: Priorities<number>;
  readonly clock: () => number;
}

/**
 * Where requests wait for their source. A burst is worked off in the order it came, however long that takes within `delayMs`. Once somebody
 * has waited for so long in vain, more comes than can be answered, and whoever waits long would come too late: from then on the newest go first,
 * and nobody waits for longer than an answer may take. That ends when for as long nobody was refused (the standing queue that CoDel looks
 * for, with the order of Facebook's adaptive LIFO).
 */
export class WaitingRoom {
  readonly #options: WaitingRoomOptions;
  readonly #lists: Priorities<WaitingList<Ticket>> = {
    high: new WaitingList(),
    normal: new WaitingList(),
    low: new WaitingList(),
  };
  /** Turns, in hundredths, that a priority has not had of its share. */
  readonly #owed: { [priority in Priority]: number } = { high: 0, normal: 0, low: 0 };
  /** When somebody was refused last. */
  #refusedMs = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: WaitingRoomOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#lists.high.size + this.#lists.normal.size + this.#lists.low.size;
  }

  waiting(priority: Priority): number {
    return this.#lists[priority].size;
  }

  /** Lets one in, and, where there are too many now, one of the least important out: whoever waits longest. */
  enter(ticket: Ticket): void {
    this.#lists[ticket.priority].push(ticket);
    if (this.#timer === undefined) this.#wake(this.#patience(ticket.since));
    if (this.size <= this.#options.maxWaiting) return;
    const least = PRIORITIES.findLast((priority) => this.#lists[priority].size > 0)!;
    this.#refuse(this.#lists[least].first!, "crowded", ticket.since);
  }

  /** Gives up a place. `false`: it has none any more. */
  leave(ticket: Ticket): boolean {
    if (!ticket.isWaiting) return false;
    this.#lists[ticket.priority].remove(ticket);
    if (this.size === 0) this.#emptied();
    return true;
  }

  /** Takes out whose turn it is. */
  next(): Ticket | undefined {
    if (this.size === 0) return undefined;
    const nowMs = this.#options.clock();
    this.#refuseLate(nowMs);
    const priority = this.#choose();
    if (priority === undefined) return undefined;
    const list = this.#lists[priority];
    const ticket = (this.#isStanding(nowMs) ? list.last : list.first)!;
    this.leave(ticket);
    return ticket;
  }

  /** The most important who is owed a turn of its share, else the most important who waits. */
  #choose(): Priority | undefined {
    const { shares } = this.#options;
    let chosen: Priority | undefined;
    for (const priority of PRIORITIES) {
      if (this.#lists[priority].size === 0) continue;
      this.#owed[priority] = Math.min(this.#owed[priority] + shares[priority], MOST_OWED);
      const isOwed = this.#owed[priority] >= TURN;
      if (chosen === undefined || (isOwed && this.#owed[chosen] < TURN)) chosen = priority;
    }
    if (chosen !== undefined && this.#owed[chosen] >= TURN) this.#owed[chosen] -= TURN;
    return chosen;
  }

  /** Whether more comes than can be answered. */
  #isStanding(nowMs: number): boolean {
    return nowMs - this.#refusedMs < this.#options.delayMs;
  }

  #patience(nowMs: number): number {
    const { delayMs, standingDelayMs } = this.#options;
    return this.#isStanding(nowMs) ? Math.min(delayMs, standingDelayMs()) : delayMs;
  }

  #expire(): void {
    this.#timer = undefined;
    const nowMs = this.#options.clock();
    this.#refuseLate(nowMs);
    if (this.size === 0) return;
    const first = Math.min(...PRIORITIES.map((priority) => this.#lists[priority].first?.since ?? Infinity));
    this.#wake(first + this.#patience(nowMs) - nowMs);
  }

  #wake(afterMs: number): void {
    this.#timer = setTimeout(() => this.#expire(), Math.max(1, Math.ceil(afterMs)));
    this.#timer.unref();
  }

  #refuseLate(nowMs: number): void {
    for (const priority of PRIORITIES) {
      const list = this.#lists[priority];
      for (let ticket = list.first; ticket !== undefined; ticket = list.first) {
        if (nowMs - ticket.since < this.#patience(nowMs)) break;
        this.#refuse(ticket, "late", nowMs);
      }
    }
  }

  #refuse(ticket: Ticket, refusal: Refusal, nowMs: number): void {
    const wasStanding = this.#isStanding(nowMs);
    this.#refusedMs = nowMs;
    this.leave(ticket);
    ticket.settle(refusal);
    this.#options.refused?.(nowMs);
    if (wasStanding || this.#timer === undefined) return;
    // Nobody is to wait for so long any more.
    clearTimeout(this.#timer);
    this.#wake(0);
  }

  #emptied(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}

const TURN = 100;
/** Whoever had nobody waiting for a while does not then go first for long. */
const MOST_OWED = 2 * TURN;
