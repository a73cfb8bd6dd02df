import { type Call, watch } from "./call.ts";

/** Watches for the leaving of callers whose calls take long. */
export interface LateWatch {
  add(call: Call, signal: () => AbortSignal): void;
  close(): void;
}

/** Most calls are over before this, and then nothing was made or listened to for them. */
const LATE_MS = 25;

export function createLateWatch(abandon: (call: Call, reason: unknown) => void): LateWatch {
  let fresh: (readonly [Call, () => AbortSignal])[] = [];
  let timer: NodeJS.Timeout | undefined;

  function look(): void {
    const calls = fresh;
    fresh = [];
    timer = undefined;
    for (const [call, makeSignal] of calls) {
      if (call.isSettled) continue;
      const signal = makeSignal();
      if (signal.aborted) abandon(call, signal.reason);
      else call.unwatch = watch({ signal }, (reason) => abandon(call, reason));
    }
  }

  return {
    add(call, signal) {
      fresh.push([call, signal]);
      timer ??= setTimeout(look, LATE_MS);
    },
    close() {
      clearTimeout(timer);
      fresh = [];
    },
  };
}
