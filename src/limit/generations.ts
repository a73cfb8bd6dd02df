/**
 * States by key in bounded room. Two maps take turns: what is used is in the newer one, and with each turn the older one goes
 * whole, so that nothing is ever searched for what to drop.
 */
export interface Generations<State> {
  /** The key's state, made when it has none. */
  of(key: string, nowMs: number): State;
  readonly size: number;
}

/**
 * @param maxKeys a turn comes when half as many are in the newer map: then what was not used since the last one is forgotten.
 * @param keepMs a turn also comes so often: what is not used for twice that time is gone, and it may be gone after once.
 */
export function createGenerations<State>(maxKeys: number, keepMs: number, create: () => State): Generations<State> {
  let newer = new Map<string, State>();
  let older = new Map<string, State>();
  let turnAtMs = Number.NEGATIVE_INFINITY;
  return {
    get size() {
      return newer.size + older.size;
    },
    of(key, nowMs) {
      if (nowMs >= turnAtMs || newer.size >= maxKeys / 2) {
        older = newer;
        newer = new Map();
        turnAtMs = nowMs + keepMs;
      }
      let state = newer.get(key);
      if (state === undefined) {
        state = older.get(key) ?? create();
        newer.set(key, state);
      }
      return state;
    },
  };
}
