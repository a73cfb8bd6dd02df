import type { Stage } from "./plan.ts";

/** When iterations of an open model are due. The whole schedule follows from rates alone: nothing is queued, however late a start is. */
export interface ArrivalTimes {
  /** All of them. */
  readonly total: number;
  /** Milliseconds from the start at which an arrival, counted from 0, is due. Ask in ascending order: that is quick. */
  timeOf(index: number): number;
}

interface Piece {
  readonly fromMs: number;
  readonly durationMs: number;
  /** Arrivals before it. */
  readonly before: number;
  /** A millisecond, at its start, and how that changes each millisecond. */
  readonly rate: number;
  readonly slope: number;
}

/**
 * Arrivals whose rate goes in straight lines from `startRate` through the targets. The nth is due where the area below the line is n.
 *
 * @param startRate arrivals each `timeUnitMs`, as targets are
 */
export function createArrivalTimes(startRate: number, timeUnitMs: number, stages: readonly Stage[]): ArrivalTimes {
  const pieces: Piece[] = [];
  let fromMs = 0;
  let before = 0;
  let rate = startRate / timeUnitMs;
  for (const { durationMs, target } of stages) {
    const end = target / timeUnitMs;
    // A stage without length is a jump.
    if (durationMs > 0) {
      pieces.push({ fromMs, durationMs, before, rate, slope: (end - rate) / durationMs });
      before += ((rate + end) / 2) * durationMs;
      fromMs += durationMs;
    }
    rate = end;
  }
  const total = Math.ceil(before - 1e-6);
  let at = 0;
  return {
    total,
    timeOf(index) {
      if (at > 0 && pieces[at]!.before > index) at = 0;
      while (at + 1 < pieces.length && pieces[at + 1]!.before <= index) at++;
      const piece = pieces[at];
      if (piece === undefined) return Infinity;
      const area = index - piece.before;
      if (Math.abs(piece.slope) < 1e-15) return piece.fromMs + (piece.rate === 0 ? 0 : area / piece.rate);
      const root = Math.sqrt(Math.max(0, piece.rate * piece.rate + 2 * piece.slope * area));
      // The form that does not cancel where the slope is small.
      return piece.fromMs + Math.min(piece.durationMs, area === 0 ? 0 : (2 * area) / (piece.rate + root));
    },
  };
}
