/** How long requests of each kind take when hardly anything else is under way. */
export interface Baselines {
  /**
   * One was answered. What it took with hardly anything beside it is the truth; until one of those is seen, all of the kind stand in for it:
   * they tell of changes only.
   *
   * @returns milliseconds, the mean.
   */
  learn(kind: string, latencyMs: number, isAlone: boolean): number;
}

/** Remembers the kinds that were asked for last. */
export function createBaselines(maxKinds = MAX_KINDS): Baselines {
  // Two maps that take turns: what was not looked at for a whole turn is forgotten.
  let recent = new Map<string, Baseline>();
  let older = new Map<string, Baseline>();

  function keep(kind: string, baseline: Baseline): void {
    if (recent.size >= maxKinds / 2) {
      older = recent;
      recent = new Map();
    }
    recent.set(kind, baseline);
  }

  function find(kind: string): Baseline | undefined {
    const known = recent.get(kind);
    if (known !== undefined) return known;
    const old = older.get(kind);
    if (old !== undefined) keep(kind, old);
    return old;
  }

  return {
    learn(kind, latencyMs, isAlone) {
      const known = find(kind);
      if (known === undefined || (isAlone && !known.isAlone)) {
        keep(kind, { meanMs: latencyMs, seen: 1, isAlone });
        return latencyMs;
      }
      if (isAlone === known.isAlone) {
        // A plain mean at first, so that the slow first request (a statement that is prepared) soon counts for little.
        known.seen = Math.min(known.seen + 1, isAlone ? MEMORY : STAND_INS);
        known.meanMs += (Math.min(latencyMs, known.meanMs * OUTLIER) - known.meanMs) / known.seen;
      }
      return known.meanMs;
    },
  };
}

interface Baseline {
  meanMs: number;
  seen: number;
  readonly isAlone: boolean;
}

const MAX_KINDS = 1000;
/** Requests that the mean goes back over. */
const MEMORY = 50;
/** The same of requests under load. */
const STAND_INS = 500;
/** One that took longer than this many times the mean counts as that: the garbage collector is no news of the source. */
const OUTLIER = 8;
