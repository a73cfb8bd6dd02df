/** Which purge number this process had heard of at which time. */
export interface HeardNumbers {
  /** A purge was heard of. */
  note(number: number): void;
  /** The highest number heard of by then; -1 where that is unknown, which lets every remembered purge refuse the reply. */
  at(timeMs: number): number;
  /** Messages may have been missed: nothing is known until the next `note`, nor of any time before it. */
  forget(): void;
}

/** Remembers the last `maxNotes` changes (default 4096). */
export function createHeardNumbers(clock: () => number = Date.now, maxNotes: number = DEFAULT_MAX_NOTES): HeardNumbers {
  // Ascending in both; a ring would save the occasional shift of the array, which happens at purges only.
  let notes: { atMs: number; number: number }[] = [];
  return {
    note(number) {
      const atMs = clock();
      const last = notes.at(-1);
      if (last !== undefined && number <= last.number) return;
      if (last?.atMs === atMs) last.number = number;
      else notes.push({ atMs, number });
      if (notes.length > maxNotes) notes = notes.slice(-Math.ceil(maxNotes / 2));
    },
    at(timeMs) {
      let low = 0;
      let high = notes.length;
      while (low < high) {
        const middle = (low + high) >>> 1;
        if ((notes[middle]?.atMs ?? 0) <= timeMs) low = middle + 1;
        else high = middle;
      }
      return notes[low - 1]?.number ?? -1;
    },
    forget() {
      notes = [];
    },
  };
}

const DEFAULT_MAX_NOTES = 4096;
