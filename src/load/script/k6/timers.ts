import type { Vu } from "../vu.ts";

/** `k6/timers`, and the globals of the same names: an iteration ends when none of them is pending. */
export function createTimers(vu: Vu) {
  const known = new Map<number, { readonly timer: NodeJS.Timeout; readonly forget: () => void }>();
  let last = 0;
  const end = (id: number): boolean => {
    const found = known.get(id);
    if (found === undefined) return false;
    known.delete(id);
    found.forget();
    vu.settle();
    return true;
  };
  const start = (run: (...given: unknown[]) => unknown, ms: number, given: unknown[], repeats: boolean): number => {
    if (typeof run !== "function") throw new TypeError("a timer takes a function");
    const id = ++last;
    const call = async (): Promise<void> => {
      try {
        await run(...given);
      } catch (error) {
        vu.process.tell({ kind: "log", level: "error", text: String(error) });
      } finally {
        if (!repeats) end(id);
      }
    };
    const timer = repeats ? setInterval(() => void call(), ms) : setTimeout(() => void call(), ms);
    const forget = vu.onInterrupt(() => {
      clearTimeout(timer);
      end(id);
    });
    known.set(id, { timer, forget });
    vu.begin();
    return id;
  };
  const clear = (id: number): void => {
    clearTimeout(known.get(id)?.timer);
    end(id);
  };
  const module = {
    setTimeout: (run: () => unknown, ms = 0, ...given: unknown[]) => start(run, ms || 0, given, false),
    setInterval: (run: () => unknown, ms = 0, ...given: unknown[]) => start(run, Math.max(1, ms || 0), given, true),
    clearTimeout: clear,
    clearInterval: clear,
  };
  return { ...module, default: module };
}
