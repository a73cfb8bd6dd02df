import { createMemoryCounter } from "../limit/memory-counter.ts";
import type { Counter, Decision } from "../limit/policy.ts";
import type { CountAnswer, CountAsk, CountedPolicy } from "./messages.ts";

/** Counts rate limits for all workers of a machine. */
export interface SharedCounts {
  answer(worker: number, asks: readonly CountAsk[]): CountAnswer[];
  /** A worker is gone: its requests under way are over. */
  release(worker: number): void;
}

/** Policies of a configuration, and of those that ran before it. The oldest go. */
const MAX_POLICIES = 1000;

/** One counter a policy, as a single process would have it: the quota is exact, whichever worker a request comes to. */
export function createSharedCounts(clock: () => number): SharedCounts {
  const counters = new Map<string, Counter>();
  /** By worker: what it has taken of policies that count requests under way, and how to give it back. */
  const underWay = new Map<number, Map<string, { units: number; readonly giveBack: (units: number) => void }>>();

  function counterOf(policy: CountedPolicy): { readonly counter: Counter; readonly name: string } {
    const { name, algorithm, windowMs, quota, burst } = policy;
    // Another quota or window is another policy: what is in force after a reload starts from its own count.
    const known = JSON.stringify([name, algorithm, windowMs, quota, burst]);
    let counter = counters.get(known);
    if (counter === undefined) {
      if (counters.size >= MAX_POLICIES) counters.delete(counters.keys().next().value!);
      counters.set(known, (counter = createMemoryCounter(policy, clock)));
    }
    return { counter, name: known };
  }

  function note(worker: number, name: string, counter: Counter, { key, cost, quota }: CountAsk): void {
    let own = underWay.get(worker);
    if (own === undefined) underWay.set(worker, (own = new Map()));
    const taken = `${name} ${key}`;
    const entry = own.get(taken) ?? { units: 0, giveBack: (units: number) => counter.charge(key, -units, quota) };
    entry.units += cost;
    if (entry.units <= 0) own.delete(taken);
    else own.set(taken, entry);
  }

  function count(worker: number, ask: CountAsk): { decision: Decision; granted: number } {
    const { policy, key, cost, quota, how } = ask;
    const isUnderWay = policy.algorithm === "concurrency";
    const { counter, name } = counterOf(how === "lease" ? { ...policy, algorithm: "fixed-window" } : policy);
    if (how === "charge") {
      counter.charge(key, cost, quota);
      if (isUnderWay) note(worker, name, counter, ask);
      return { decision: CHARGED, granted: 0 };
    }
    if (how === "lease") {
      const left = (counter.take(key, 0, quota) as Decision).remaining;
      const granted = Math.max(0, Math.min(cost, left));
      if (granted > 0) counter.charge(key, granted, quota);
      return { decision: counter.take(key, 0, quota) as Decision, granted };
    }
    const decision = counter.take(key, cost, quota) as Decision;
    if (isUnderWay && decision.isAllowed) note(worker, name, counter, ask);
    return { decision, granted: 0 };
  }

  return {
    answer(worker, asks) {
      const answers: CountAnswer[] = [];
      for (const ask of asks) {
        const { decision, granted } = count(worker, ask);
        if (ask.number !== undefined) answers.push({ number: ask.number, decision: { ...decision }, granted });
      }
      return answers;
    },
    release(worker) {
      for (const { units, giveBack } of underWay.get(worker)?.values() ?? []) giveBack(units);
      underWay.delete(worker);
    },
  };
}

const CHARGED: Decision = { isAllowed: true, remaining: 0, resetMs: 0, retryAfterMs: 0 };
