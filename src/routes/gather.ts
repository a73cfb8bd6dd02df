import { HotpathError } from "../errors.ts";

/** Something to do; the signal aborts when its result is no longer wanted. */
export type Task<Value> = (signal: AbortSignal) => Value | PromiseLike<Value>;

/** How tasks run together. */
export interface GatherOptions {
  /** Tasks under way at once. Default 16. */
  readonly concurrency?: number | undefined;
  /** How long all of them may take, in milliseconds; then those under way are aborted and HP_DEADLINE is thrown. Default: no limit. */
  readonly deadlineMs?: number | undefined;
  /** Aborts all of them, for instance when the client leaves. */
  readonly signal?: AbortSignal | undefined;
}

/** What tasks answer. */
export type Values<Tasks> = {
  -readonly [Key in keyof Tasks]: Tasks[Key] extends Task<infer Value> ? Awaited<Value> : never;
};
type Outcomes<Tasks> = {
  -readonly [Key in keyof Tasks]: Tasks[Key] extends Task<infer Value> ? PromiseSettledResult<Awaited<Value>> : never;
};

/**
 * Runs tasks that do not need each other at the same time, a bounded number of them, and answers their values under the
 * names (or places) they were given. The first failure aborts the others and is thrown once they have ended.
 *
 * @throws what a task throws, the signal's reason, or HotpathError HP_DEADLINE
 */
export async function gather<const Tasks extends Readonly<Record<string, Task<unknown>>> | readonly Task<unknown>[]>(
  tasks: Tasks,
  options: GatherOptions = {},
): Promise<Values<Tasks>> {
  const outcomes = await run(tasks, options, true);
  const failed = outcomes.find((outcome) => outcome.status === "rejected");
  if (failed !== undefined) throw failed.reason;
  return shapedLike(tasks, outcomes, (outcome) => (outcome as PromiseFulfilledResult<unknown>).value) as Values<Tasks>;
}

/** The same, but every task runs to its end: answers what became of each, as `Promise.allSettled` does. Never rejects. */
export async function gatherSettled<
  const Tasks extends Readonly<Record<string, Task<unknown>>> | readonly Task<unknown>[],
>(tasks: Tasks, options: GatherOptions = {}): Promise<Outcomes<Tasks>> {
  return shapedLike(tasks, await run(tasks, options, false), (outcome) => outcome) as Outcomes<Tasks>;
}

async function run(
  tasks: Readonly<Record<string, Task<unknown>>> | readonly Task<unknown>[],
  { concurrency = DEFAULT_CONCURRENCY, deadlineMs, signal }: GatherOptions,
  failsFast: boolean,
): Promise<PromiseSettledResult<unknown>[]> {
  const list = Object.values(tasks);
  const outcomes = Array<PromiseSettledResult<unknown>>(list.length);
  const controller = new AbortController();
  const leave = (): void => controller.abort(signal?.reason);
  if (signal?.aborted) leave();
  signal?.addEventListener("abort", leave, { once: true });
  const timer =
    deadlineMs === undefined
      ? undefined
      : setTimeout(() => {
          controller.abort(new HotpathError("HP_DEADLINE", `Not all was done within ${deadlineMs} ms.`));
        }, deadlineMs);
  let next = 0;

  async function work(): Promise<void> {
    while (next < list.length) {
      const at = next++;
      outcomes[at] = await settle(list[at]!, controller.signal);
      const outcome = outcomes[at];
      if (failsFast && outcome.status === "rejected") controller.abort(outcome.reason);
    }
  }

  try {
    await Promise.all(Array.from({ length: Math.max(1, Math.min(concurrency, list.length)) }, work));
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", leave);
  }
  // What was aborted because another failed says so; the first failure is what the caller wants to know.
  if (failsFast && controller.signal.aborted) return [{ status: "rejected", reason: controller.signal.reason }];
  return outcomes;
}

/** Ends with the task, or with the signal: a task that does not heed it is left to itself. */
async function settle(task: Task<unknown>, signal: AbortSignal): Promise<PromiseSettledResult<unknown>> {
  if (signal.aborted) return { status: "rejected", reason: signal.reason };
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = (): void => reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  try {
    // The call itself may throw, too.
    const value = await Promise.race([promise, (async () => task(signal))()]);
    return { status: "fulfilled", value };
  } catch (reason) {
    return { status: "rejected", reason };
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

function shapedLike(
  tasks: object,
  outcomes: readonly PromiseSettledResult<unknown>[],
  of: (outcome: PromiseSettledResult<unknown>) => unknown,
): unknown {
  if (Array.isArray(tasks)) return outcomes.map(of);
  return Object.fromEntries(Object.keys(tasks).map((name, at) => [name, of(outcomes[at]!)]));
}

const DEFAULT_CONCURRENCY = 16;
