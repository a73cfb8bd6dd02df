import { createSharedCounts } from "./shared-counts.ts";
import type { FromWorker, ToWorker } from "./messages.ts";

/** A worker, to whoever passes on what others say. */
export interface Extension {
  readonly id: number;
  send(message: ToWorker): void;
}

/** Passes on what workers say to each other. */
export interface Switchboard {
  /** From now on a worker is told what the others do. */
  join(worker: Extension): void;
  /** It is gone: nobody waits for it, and what it held is free. */
  part(worker: Extension): void;
  /** Answers whether the message was for it. */
  handle(worker: Extension, message: FromWorker): boolean;
}

/** Purges that wait for so many workers at once: a bound against a fault of ours. */
const MAX_PURGES = 100_000;

/**
 * Makes the supervisor's switchboard. A purge is answered once every other worker has it in force, or is gone: a worker that does not
 * answer is ended by whoever watches it, so this waits for no more than that takes.
 */
export function createSwitchboard(clock: () => number = () => performance.now()): Switchboard {
  const workers = new Map<number, Extension>();
  const leases = new Map<string, { readonly holder: number; readonly untilMs: number }>();
  const purges = new Map<number, { readonly from: Extension; readonly number: number; readonly open: Set<number> }>();
  const counts = createSharedCounts(clock);
  let purgeNumber = 0;

  function others(worker: Extension): Extension[] {
    return [...workers.values()].filter(({ id }) => id !== worker.id);
  }

  function purge(from: Extension, { number, selectors }: Extract<FromWorker, { kind: "purge" }>): void {
    const targets = others(from);
    if (targets.length === 0 || purges.size >= MAX_PURGES) {
      for (const each of targets) each.send({ kind: "purge", number: 0, selectors });
      from.send({ kind: "purged", number });
      return;
    }
    const own = ++purgeNumber;
    purges.set(own, { from, number, open: new Set(targets.map(({ id }) => id)) });
    for (const each of targets) each.send({ kind: "purge", number: own, selectors });
  }

  function settle(worker: Extension, number: number): void {
    const purged = purges.get(number);
    if (purged === undefined || !purged.open.delete(worker.id) || purged.open.size > 0) return;
    purges.delete(number);
    purged.from.send({ kind: "purged", number: purged.number });
  }

  function hold(worker: Extension, { number, name, ttlMs }: Extract<FromWorker, { kind: "hold" }>): void {
    const lease = leases.get(name);
    const isHeld = lease === undefined || lease.holder === worker.id || lease.untilMs <= clock();
    if (isHeld) leases.set(name, { holder: worker.id, untilMs: clock() + ttlMs });
    worker.send({ kind: "held", number, isHeld });
  }

  return {
    join: (worker) => void workers.set(worker.id, worker),
    part(worker) {
      if (!workers.delete(worker.id)) return;
      counts.release(worker.id);
      for (const number of purges.keys()) settle(worker, number);
      let hasHeld = false;
      for (const [name, { holder }] of leases) {
        if (holder !== worker.id) continue;
        leases.delete(name);
        hasHeld = true;
      }
      // Another takes over at once, in place of waiting for the lease to run out.
      if (hasHeld) for (const each of workers.values()) each.send({ kind: "lost" });
    },
    handle(worker, message) {
      switch (message.kind) {
        case "purge":
          purge(worker, message);
          return true;
        case "purged":
          settle(worker, message.number);
          return true;
        case "tell": {
          const { topic, words } = message;
          for (const each of others(worker)) each.send({ kind: "told", topic, words });
          return true;
        }
        case "hold":
          hold(worker, message);
          return true;
        case "yield":
          if (leases.get(message.name)?.holder === worker.id) leases.delete(message.name);
          return true;
        case "count": {
          const answers = counts.answer(worker.id, message.asks);
          if (answers.length > 0) worker.send({ kind: "counted", answers });
          return true;
        }
        default:
          return false;
      }
    },
  };
}
