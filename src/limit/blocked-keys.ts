/**
 * Who was refused, and until when: they are refused again without asking anybody, so that an attack costs neither Redis nor the
 * network anything. Bounded: the oldest go first, and are then asked for again.
 */
export interface BlockedKeys {
  /** When the key will be let through; `undefined`: it is not known to be blocked. */
  until(key: string): number | undefined;
  block(key: string, untilMs: number): void;
  readonly size: number;
}

export function createBlockedKeys(clock: () => number): BlockedKeys {
  const blocked = new Map<string, number>();
  return {
    get size() {
      return blocked.size;
    },
    until(key) {
      if (blocked.size === 0) return undefined;
      const untilMs = blocked.get(key);
      if (untilMs === undefined || untilMs > clock()) return untilMs;
      blocked.delete(key);
      return undefined;
    },
    block(key, untilMs) {
      blocked.delete(key);
      if (blocked.size >= MAX_BLOCKED) blocked.delete(blocked.keys().next().value!);
      blocked.set(key, untilMs);
    },
  };
}

const MAX_BLOCKED = 50_000;
