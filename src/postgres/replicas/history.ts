/**
 * When the primary was where in its log, to tell how old a replica's state is in seconds: by our own clock alone, and also when nothing
 * is written, which the time of the last replayed transaction cannot tell from a replica that is cut off.
 */
export interface PositionHistory {
  /** Whatever was committed before `at` is not beyond `lsn`. */
  add(lsn: bigint, at: number): void;
  /** The last time known at which the primary had nothing beyond `lsn`; -Infinity where that is too long ago to be known. */
  currentAsOf(lsn: bigint): number;
  /** When the primary was last heard of; -Infinity: not yet. */
  readonly latestAt: number;
  /** The highest position known. */
  readonly latestLsn: bigint | undefined;
  clear(): void;
}

interface Sample {
  readonly lsn: bigint;
  at: number;
}

/** Half a minute in full at the default interval; beyond that ever coarser, which only makes replicas look older than they are. */
const MAX_SAMPLES = 128;

export function createPositionHistory(): PositionHistory {
  let samples: Sample[] = [];

  function add(lsn: bigint, at: number): void {
    const last = samples.at(-1);
    if (last !== undefined && lsn <= last.lsn) {
      // Answers may overtake each other: a lower position says nothing new.
      if (lsn === last.lsn) last.at = Math.max(last.at, at);
      return;
    }
    samples.push({ lsn, at: Math.max(at, last?.at ?? at) });
    if (samples.length > MAX_SAMPLES) {
      const half = MAX_SAMPLES / 2;
      samples = samples.filter((_, index) => index >= half || index % 2 === 0);
    }
  }

  function currentAsOf(lsn: bigint): number {
    for (let index = samples.length - 1; index >= 0; index--) {
      const sample = samples[index] as Sample;
      if (sample.lsn <= lsn) return sample.at;
    }
    return -Infinity;
  }

  return {
    add,
    currentAsOf,
    get latestAt() {
      return samples.at(-1)?.at ?? -Infinity;
    },
    get latestLsn() {
      return samples.at(-1)?.lsn;
    },
    clear() {
      samples = [];
    },
  };
}
