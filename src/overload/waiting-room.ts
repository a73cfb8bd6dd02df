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
  /** How long a request may wait. */
  readonly delayMs: number;
  readonly maxWaiting: number;
  /** Of a hundred turns, those that each priority gets at least while it has anyone waiting. */
  readonly shares: Priorities<number>;
  readonly clock: () => number;
}

/**
 * Where requests wait for their source, each no longer than a fixed time. They are served in the order they came as long as that empties the
 * room now and then. Once it has not been empty for that time it cannot serve all, and the newest go first: those in front would
 * come too late anyway (CoDel's test for a standing queue, with the order that Facebook's adaptive LIFO has).
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
  /** When somebody came into the empty room. */
  #since = 0;
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
    const { maxWaiting, clock, delayMs } = this.#options;
    if (this.size === 0) this.#since = clock();
    this.#lists[ticket.priority].push(ticket);
    if (this.#timer === undefined) this.#wake(delayMs);
    if (this.size <= maxWaiting) return;
    const least = PRIORITIES.findLast((priority) => this.#lists[priority].size > 0)!;
    const crowded = this.#lists[least].first!;
    this.leave(crowded);
    crowded.settle("crowded");
  }

  /** Gives up a place; nothing happens to whoever has none any more. */
  leave(ticket: Ticket): void {
    this.#lists[ticket.priority].remove(ticket);
    if (this.size === 0) this.#emptied();
  }

  /** Takes out whose turn it is. */
  next(): Ticket | undefined {
    if (this.size === 0) return undefined;
    const { clock, delayMs } = this.#options;
    const nowMs = clock();
    this.#refuseLate(nowMs);
    const priority = this.#choose();
    if (priority === undefined) return undefined;
    const list = this.#lists[priority];
    const isStanding = nowMs - this.#since >= delayMs;
    const ticket = (isStanding ? list.last : list.first)!;
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

  #expire(): void {
    this.#timer = undefined;
    this.#refuseLate(this.#options.clock());
    if (this.size === 0) return;
    const first = Math.min(...PRIORITIES.map((priority) => this.#lists[priority].first?.since ?? Infinity));
    const dueMs = first + this.#options.delayMs - this.#options.clock();
    this.#wake(Math.max(1, Math.ceil(dueMs)));
  }

  #wake(afterMs: number): void {
    this.#timer = setTimeout(() => this.#expire(), afterMs);
    this.#timer.unref();
  }

  #refuseLate(nowMs: number): void {
    const dueSince = nowMs - this.#options.delayMs;
    for (const priority of PRIORITIES) {
      const list = this.#lists[priority];
      for (let ticket = list.first; ticket !== undefined && ticket.since <= dueSince; ticket = list.first) {
        this.leave(ticket);
        ticket.settle("late");
      }
    }
  }

  #emptied(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}

const TURN = 100;
/** Whoever had nobody waiting for a while does not then go first for long. */
const MOST_OWED = 2 * TURN;
