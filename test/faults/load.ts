import assert from "node:assert/strict";
import type { FaultProxy } from "../support/fault-proxy.ts";
import type { Answer } from "../support/server.ts";

/** A request whose only right reply is known. */
export interface Question {
  readonly label: string;
  readonly ask: () => Promise<Answer>;
  /** What is wrong with a reply that is no 5xx; `undefined`: nothing. */
  readonly judge: (answer: Answer) => string | undefined;
}

/** A way to disturb what goes through a proxy. */
export interface Disturbance {
  readonly name: string;
  readonly begin: (proxy: FaultProxy) => void;
  /** Requests may all fail: nothing gets through. */
  readonly isTotal?: boolean;
}

export const DISTURBANCES: readonly Disturbance[] = [
  { name: "slow", begin: (proxy) => Object.assign(proxy, { delayMs: 10, jitterMs: 30 }) },
  { name: "narrow", begin: (proxy) => (proxy.bytesPerSecond = 200_000) },
  { name: "in single bytes", begin: (proxy) => (proxy.sliceBytes = 1) },
  {
    name: "ended midway",
    begin(proxy) {
      proxy.breakAfterBytes = 8000;
      proxy.reset();
    },
  },
  {
    name: "reset midway",
    begin(proxy) {
      Object.assign(proxy, { breakAfterBytes: 8000, breaksByReset: true });
      proxy.reset();
    },
  },
  { name: "a black hole", begin: (proxy) => (proxy.isBlackHole = true), isTotal: true },
  { name: "cut", begin: (proxy) => proxy.cut(), isTotal: true },
];

/** What came of a load. */
export interface LoadOutcome {
  right: number;
  /** By status and code. */
  readonly failed: Map<string, number>;
  readonly wrong: string[];
  slowestMs: number;
}

const CODE = /"code":\s*"([A-Z0-9_]+)"/;
/** Codes of failures that a client is told of as such; anything else must not come of a fault. */
const OURS = /^(?:HP_(?!INTERNAL)[A-Z_]+|PGRST[0-9X]\d\d)$/;

/**
 * Asks each question `rounds` times, `clients` at once, and judges every reply: it is right, or a failure with a code of ours.
 * A connection that is broken off counts as wrong unless `mayBreak` says that the reply was begun.
 */
export async function load(
  questions: readonly Question[],
  options: { readonly rounds: number; readonly clients: number; readonly mayBreak?: (question: Question) => boolean },
): Promise<LoadOutcome> {
  const outcome: LoadOutcome = { right: 0, failed: new Map(), wrong: [], slowestMs: 0 };
  const waiting = Array.from({ length: options.rounds }, () => questions).flat();
  const work = async (): Promise<void> => {
    for (let question = waiting.shift(); question !== undefined; question = waiting.shift()) {
      const startedAt = performance.now();
      const problem = await attempt(question, outcome, options.mayBreak);
      outcome.slowestMs = Math.max(outcome.slowestMs, performance.now() - startedAt);
      if (problem !== undefined) outcome.wrong.push(`${question.label}: ${problem}`);
    }
  };
  await Promise.all(Array.from({ length: options.clients }, work));
  return outcome;
}

/** Asks once; answers what is wrong with the reply, and counts it. */
export async function attempt(
  question: Question,
  outcome: Pick<LoadOutcome, "right" | "failed">,
  mayBreak: (question: Question) => boolean = () => false,
): Promise<string | undefined> {
  let answer: Answer;
  try {
    answer = await question.ask();
  } catch (error) {
    if (!mayBreak(question)) return `broken off: ${String(error)}`;
    count(outcome.failed, "broken off");
    return undefined;
  }
  if (answer.status < 500) {
    const problem = question.judge(answer);
    if (problem === undefined) outcome.right++;
    return problem;
  }
  const code = CODE.exec(answer.text)?.[1] ?? "none";
  count(outcome.failed, `${answer.status} ${code}`);
  if (!OURS.test(code)) return `${answer.status} without a code of ours: ${answer.text.slice(0, 300)}`;
  return /127\.0\.0\.1|:\d{4,5}\b/.test(answer.text) ? `tells where things are: ${answer.text}` : undefined;
}

/** Asks everything until every reply is right. */
export async function recovered(questions: readonly Question[], what: string): Promise<void> {
  const until = performance.now() + RECOVERY_MS;
  for (;;) {
    const { failed, wrong } = await load(questions, { rounds: 1, clients: 4, mayBreak: () => true });
    assert.deepEqual(wrong, [], `${what}: ${wrong.join("; ")}`);
    if (failed.size === 0) return;
    assert.ok(performance.now() < until, `${what}: not recovered: ${describeFailures(failed)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Far more than it takes: machines are busy. */
const RECOVERY_MS = 30_000;

export function describeFailures(failed: ReadonlyMap<string, number>): string {
  return failed.size === 0 ? "none" : [...failed].map(([name, times]) => `${name} ×${times}`).join(", ");
}

function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
