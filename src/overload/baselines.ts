/** What a request's time tells: nothing was beside it, no less can be beside it, or more was. */
export type Knowledge = "alone" | "least" | "loaded";

/** How long requests of each kind take when nothing else is under way. */
export interface Baselines {
  /**
   * One was answered. What it took alone, or at the least that there can be beside it, is the truth; until that has been seen, the
   * quickest few in a row stand in for it.
   *
   * @returns what is known now.
   */
  learn(kind: string, latencyMs: number, knowledge: Knowledge): Baseline;
}

export interface Baseline {
  readonly meanMs: number;
  /** It is no stand-in. */
  readonly isTrue: boolean;
}

/** Remembers the kinds that were asked for last. */
export function createBaselines(maxKinds = MAX_KINDS): Baselines {
  // Two maps that take turns: what was not looked at for a whole turn is forgotten.
  let recent = new Map<string, Known>();
  let older = new Map<string, Known>();

  function keep(kind: string, baseline: Known): void {
    if (recent.size >= maxKinds / 2) {
      older = recent;
      recent = new Map();
    }
    recent.set(kind, baseline);
  }

  function find(kind: string): Known {
    let known = recent.get(kind);
    if (known !== undefined) return known;
    known = older.get(kind) ?? { meanMs: 0, isTrue: false, seen: 0, sumMs: 0, isFirst: true };
    keep(kind, known);
    return known;
  }

  return {
    learn(kind, latencyMs, knowledge) {
      const known = find(kind);
      if (knowledge === "loaded") {
        if (!known.isTrue) standIn(known, latencyMs);
      } else {
        if (!known.isTrue) Object.assign(known, { isTrue: true, seen: 0 });
        // A plain mean at first, so that the slow first request (a statement that is prepared) soon counts for little.
        known.seen = Math.min(known.seen + 1, knowledge === "alone" ? MEMORY : FEW);
        const news = known.seen === 1 ? latencyMs : Math.min(latencyMs, known.meanMs * OUTLIER);
        known.meanMs += (news - known.meanMs) / known.seen;
      }
      return known;
    },
  };
}

/** The mean of the first few, then of whichever in a row were quickest: it comes down with load and does not go up with it. */
function standIn(known: Known, latencyMs: number): void {
  known.sumMs += latencyMs;
  const count = ++known.seen;
  if (known.isFirst) known.meanMs = known.sumMs / count;
  if (count < (known.isFirst ? FEW : IN_A_ROW)) return;
  known.meanMs = Math.min(known.meanMs, known.sumMs / count);
  known.isFirst = false;
  known.seen = 0;
  known.sumMs = 0;
}

interface Known extends Baseline {
  meanMs: number;
  isTrue: boolean;
  seen: number;
  /** Of a stand-in: what those took since the last in a row. */
  sumMs: number;
  /** Nothing has been found out by those yet. */
  isFirst: boolean;
}

const MAX_KINDS = 1000;
/** Requests that the mean goes back over. */
const MEMORY = 50;
/** The same where what is known no longer holds. */
const FEW = 16;
/** So many together vary little. */
const IN_A_ROW = 32;
/** One that took longer than this many times the mean counts as that: the garbage collector is no news of the source. */
const OUTLIER = 8;
