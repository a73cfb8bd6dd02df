import type { Position } from "../../src/postgres/replicas/index.ts";

/** One attempt to set a register to its next value. Each register has one writer, so values only grow. */
export interface Write {
  readonly register: number;
  readonly value: number;
  readonly startedAt: number;
  /** When the writer knew that it was committed; undefined: unknown, or not at all. */
  ackedAt: number | undefined;
  /** What its token said; only of writes through hotpath. */
  position: Position | undefined;
}

/** What one reply said. */
export interface Read {
  /** For the report: which node, what was asked for. */
  readonly label: string;
  readonly startedAt: number;
  readonly endedAt: number;
  /** The write whose token the read carried. */
  readonly tokenOf: Write | undefined;
  /** It asked for the primary. */
  readonly isStrict: boolean;
  /** What its client had seen before, by register, if it carried the token of that. */
  readonly seen: ReadonlyMap<number, number> | undefined;
  /** Values by register. */
  readonly values: ReadonlyMap<number, number>;
}

/** A reply that should not have been. */
export interface Violation {
  readonly rule:
    | "older than its token"
    | "older than what was seen"
    | "older than the bound"
    | "older than the primary"
    | "never written"
    | "a row is missing";
  readonly read: Read;
  readonly register: number;
  readonly expected: number;
  readonly received: number | undefined;
}

/** A time in which nothing could be committed, and no node could know so. */
export interface Outage {
  readonly from: number;
  to: number;
}

/**
 * All that was written, and what each read must therefore have seen. Times are of one clock, and taken so that a reply is only called too old
 * when it was: a write counts from when its writer knew, a read from before it was sent.
 */
export class History {
  /** By register, in order of value. */
  readonly #writes = new Map<number, Write[]>();
  /** Of the primary, in order. */
  readonly outages: Outage[] = [];
  readonly #boundMs: number;

  /** @param boundMs how old a read without a token may be, times without a primary not counted */
  constructor(boundMs: number) {
    this.#boundMs = boundMs;
  }

  begin(register: number, value: number, startedAt: number): Write {
    const write: Write = { register, value, startedAt, ackedAt: undefined, position: undefined };
    const known = this.#writes.get(register);
    if (known === undefined) this.#writes.set(register, [write]);
    else known.push(write);
    return write;
  }

  /** The highest value that a register had before a time for all to see; 0 from the start. */
  acknowledged(register: number, at: number): number {
    return this.#highest(register, ({ ackedAt }) => ackedAt !== undefined && ackedAt <= at);
  }

  /** What is wrong with a read that was to answer these registers. */
  check(read: Read, registers: readonly number[]): Violation[] {
    return registers.flatMap((register) => {
      const found = this.#checkOne(read, register);
      return found === undefined ? [] : [found];
    });
  }

  #checkOne(read: Read, register: number): Violation | undefined {
    const received = read.values.get(register);
    const fail = (rule: Violation["rule"], expected: number): Violation => ({
      rule,
      read,
      register,
      expected,
      received,
    });
    if (received === undefined) return fail("a row is missing", 0);
    const attempted = this.#highest(register, ({ startedAt }) => startedAt <= read.endedAt);
    if (received > attempted) return fail("never written", attempted);
    const { tokenOf } = read;
    if (tokenOf !== undefined) {
      const due = this.#highest(register, (write) => isBefore(write, tokenOf));
      if (received < due) return fail("older than its token", due);
    }
    const seen = read.seen?.get(register) ?? 0;
    if (received < seen) return fail("older than what was seen", seen);
    if (read.isStrict) {
      const due = this.acknowledged(register, read.startedAt);
      if (received < due) return fail("older than the primary", due);
    }
    const due = this.#highest(register, ({ ackedAt }) => {
      return ackedAt !== undefined && this.#activeMs(ackedAt, read.startedAt) >= this.#boundMs;
    });
    return received < due ? fail("older than the bound", due) : undefined;
  }

  /** Time between two moments, that without a primary left out. */
  #activeMs(from: number, to: number): number {
    let active = to - from;
    for (const outage of this.outages) {
      active -= Math.max(0, Math.min(to, outage.to) - Math.max(from, outage.from));
    }
    return active;
  }

  #highest(register: number, isDue: (write: Write) => boolean): number {
    return this.#writes.get(register)?.findLast(isDue)?.value ?? 0;
  }
}

/** Whether whoever has seen `token`'s write must have seen this one: it lies before in the log, or was over before that began. */
function isBefore(write: Write, token: Write): boolean {
  if (write === token) return true;
  if (write.ackedAt !== undefined && write.ackedAt <= token.startedAt) return true;
  if (write.position === undefined || token.position === undefined) return false;
  return write.position.timeline === token.position.timeline && write.position.lsn <= token.position.lsn;
}
