/**
 * Values by key in bounded room. Two maps take turns: what is used moves to the newer one, and with each turn the older one
 * goes whole, so that nothing is ever searched for what to drop.
 */
export interface Generations<Value> {
  get(key: string): Value | undefined;
  set(key: string, value: Value): void;
  readonly size: number;
}

/**
 * @param maxKeys a turn comes when half as many are in the newer map: then what was not used since the last one is forgotten.
 * @param keepMs a turn also comes so often: a value is gone after twice that time without use, and may be gone after one.
 */
export function createGenerations<Value>(maxKeys: number, keepMs: number, clock: () => number): Generations<Value> {
  let newer = new Map<string, Value>();
  let older = new Map<string, Value>();
  let turnAtMs = clock() + keepMs;

  function turn(nowMs: number): void {
    older = newer;
    newer = new Map();
    turnAtMs = nowMs + keepMs;
  }

  return {
    get size() {
      return newer.size + older.size;
    },
    get: (key) => newer.get(key) ?? older.get(key),
    set(key, value) {
      const nowMs = clock();
      if (nowMs >= turnAtMs || newer.size >= maxKeys / 2) turn(nowMs);
      newer.set(key, value);
    },
  };
}
