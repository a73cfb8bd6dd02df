/** Something that only needs watching when it takes longer than a moment. */
export interface Watched {
  /** Called once it has been under way for a moment; not called when it was over before. */
  watch(): void;
}

/** Those that are under way for less than a moment. */
export interface LateWatch {
  /** Answers where it is kept, for `end`. */
  begin(watched: Watched): number;
  /** Whether it was over before it was watched. */
  end(watched: Watched, place: number): boolean;
}

/** Whose client leaves within this time is no great loss: the reply is nearly there. */
const MOMENT_MS = 20;

/**
 * Puts off what costs more than most exchanges take of everything else: an abort signal and its listener. One timer serves all
 * that began within a moment.
 *
 * Kept in places that are used again, not in a set: a set's table, once old, goes on holding what was deleted from it until the
 * next full collection, and so made every exchange outlive the young generation (a fifth of all processor time).
 */
export function createLateWatch(): LateWatch {
  const places: ({ readonly watched: Watched; wasSeen: boolean } | undefined)[] = [];
  const free: number[] = [];
  let timer: NodeJS.Timeout | undefined;
  const look = (): void => {
    timer = undefined;
    let hasYounger = false;
    for (const [place, kept] of places.entries()) {
      if (kept === undefined) continue;
      if (kept.wasSeen) {
        leave(place);
        kept.watched.watch();
      } else {
        kept.wasSeen = true;
        hasYounger = true;
      }
    }
    if (hasYounger) start();
  };
  const start = (): void => {
    timer ??= setTimeout(look, MOMENT_MS).unref();
  };
  const leave = (place: number): void => {
    places[place] = undefined;
    free.push(place);
  };
  return {
    begin(watched) {
      const place = free.pop() ?? places.length;
      places[place] = { watched, wasSeen: false };
      start();
      return place;
    },
    end(watched, place) {
      if (places[place]?.watched !== watched) return false;
      leave(place);
      return true;
    },
  };
}
