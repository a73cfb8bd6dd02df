/**
 * Remembers what was compiled for a request's shape; the entry used longest ago goes first.
 *
 * Keys hold parts of requests, so both their length and their number are bounded.
 */
export interface PlanCache<Plan> {
  get(key: string): Plan | undefined;
  set(key: string, plan: Plan): void;
  readonly size: number;
}

/** A longer key belongs to a request that is unlikely to come again. */
const MAX_KEY_CHARACTERS = 4096;

export function createPlanCache<Plan>(maxEntries: number): PlanCache<Plan> {
  // A Map keeps insertion order: an entry that is used moves to the end.
  const entries = new Map<string, Plan>();
  let newest = "";
  return {
    get size() {
      return entries.size;
    },
    get(key) {
      const plan = entries.get(key);
      if (plan === undefined || key === newest) return plan;
      entries.delete(key);
      entries.set(key, plan);
      newest = key;
      return plan;
    },
    set(key, plan) {
      if (key.length > MAX_KEY_CHARACTERS) return;
      if (entries.size >= maxEntries) {
        const [oldest] = entries.keys();
        if (oldest !== undefined) entries.delete(oldest);
      }
      entries.set(key, plan);
      newest = key;
    },
  };
}
