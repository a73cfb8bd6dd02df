import { directives, median } from "../sample.ts";
import type { Exchange } from "../exchange.ts";
import type { Check } from "./check.ts";

const TURNS = 20;
const AT_ONCE = 6;
/** A reply that is quicker says nothing of what happens behind it. */
const LEAST_MS = 20;
/** Longer than that nobody waits for a reply to expire. */
const LONGEST_WAIT_S = 10;
/** Differences that a network or a busy machine makes by itself. */
const NOISE_MS = 100;

/** T1, T3, T4 and T11: how long it takes, alone and together. */
export const TIMING_CHECKS: readonly Check[] = [
  {
    name: "tail-latency",
    title: "Some replies take many times as long as most",
    technique: "T1",
    severity: "medium",
    source: "Dean, Barroso: The Tail at Scale (2013)",
    async run({ prober, sample: { target } }) {
      const times: Exchange[] = [];
      for (let turn = 0; turn < TURNS; turn++) times.push(await prober.send(target));
      const sorted = times.sort((one, other) => one.totalMs - other.totalMs);
      const middle = median(sorted.map(({ totalMs }) => totalMs));
      // The second slowest: one that is slow may be anybody's fault.
      const slow = sorted.at(-2)!;
      if (slow.totalMs < 5 * middle || slow.totalMs - middle < NOISE_MS) return [];
      return [
        {
          seen: `Of ${TURNS} requests one after another the median took ${middle.toFixed(1)} ms, two took ${slow.totalMs.toFixed(0)} ms or more.`,
          gain: `${(slow.totalMs - middle).toFixed(0)} ms for one request in ten`,
          evidence: [slow],
        },
      ];
    },
  },
  {
    name: "cold-start",
    title: "The first request takes many times as long",
    technique: "T3, T5",
    severity: "low",
    source: "measured here",
    async run({ sample: { plain, coded, again } }) {
      const warm = Math.min(coded.totalMs, again.totalMs);
      if (plain.totalMs < 5 * warm || plain.totalMs - warm < NOISE_MS) return [];
      return [
        {
          seen: `The first request took ${plain.totalMs.toFixed(0)} ms, the same again ${warm.toFixed(1)} ms.`,
          gain: `${(plain.totalMs - warm).toFixed(0)} ms for whoever comes first`,
          evidence: [plain, again],
        },
      ];
    },
  },
  {
    name: "one-at-a-time",
    title: "Requests are answered one at a time",
    technique: "T11",
    severity: "high",
    source: "measured here",
    async run({ prober, sample: { target, coded, again } }) {
      const alone = Math.min(coded.totalMs, again.totalMs);
      if (alone < LEAST_MS) return `a reply takes ${alone.toFixed(1)} ms: too quick to tell`;
      const began = performance.now();
      const together = await Promise.all(Array.from({ length: AT_ONCE }, () => prober.send(target)));
      const took = performance.now() - began;
      if (took < 0.85 * AT_ONCE * alone) return [];
      return [
        {
          seen: `One request takes ${alone.toFixed(0)} ms, ${AT_ONCE} at once take ${took.toFixed(0)} ms: as long as one after another.`,
          gain: `${(took - alone).toFixed(0)} ms for the last of ${AT_ONCE}`,
          evidence: together,
        },
      ];
    },
  },
  {
    name: "stampede",
    title: "All ask the origin when a stored reply expires",
    technique: "T3, T4",
    severity: "high",
    source: "Vattani, Chierichetti, Lowenstein: Optimal Probabilistic Cache Stampede Prevention (2015); RFC 5861",
    async run({ prober, sample: { target } }) {
      const stored = await prober.send(target);
      const first = await prober.send(target);
      if (hitOf(stored) === undefined && hitOf(first) === undefined)
        return "no cache says whether it answers (Cache-Status, X-Cache, Age)";
      if (hitOf(first) !== true) return "the reply is not answered by a cache";
      const { maxAge, sMaxage } = directives(first.headers);
      const lifetime = sMaxage ?? maxAge;
      const left = lifetime === undefined ? undefined : lifetime - Number(first.headers.age ?? 0);
      if (left === undefined || left > LONGEST_WAIT_S) return `it stays fresh for longer than ${LONGEST_WAIT_S} s`;
      await new Promise((resolve) => void setTimeout(resolve, (left + 1.1) * 1000));
      const together = await Promise.all(Array.from({ length: AT_ONCE }, () => prober.send(target)));
      const missed = together.filter((each) => hitOf(each) === false);
      if (missed.length < 2) return [];
      return [
        {
          seen: `Of ${AT_ONCE} requests at once just after it expired, ${missed.length} were passed on to the origin.`,
          gain: `${missed.length - 1} of ${missed.length} requests to the origin, each time a reply expires`,
          evidence: missed,
        },
      ];
    },
  },
];

/** Whether a cache answered, where it tells (RFC 9211, or what most CDNs say). A hit that waited for another's fetch is no miss. */
function hitOf({ headers }: Exchange): boolean | undefined {
  const status = headers["cache-status"];
  if (typeof status === "string") return /;\s*(?:hit|collapsed)\b/i.test(status);
  const said = headers["x-cache"] ?? headers["x-cache-status"] ?? headers["cf-cache-status"];
  if (typeof said === "string") return /\b(?:hit|stale|updating|revalidated)\b/i.test(said);
  return headers.age === undefined ? undefined : true;
}
