import type { LoadProgress } from "./shop.ts";

/** The part of an output stream that a progress display needs; `process.stderr` is one. */
export interface ProgressOutput {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

const BAR_WIDTH = 30;
/** A bar that is drawn more often only flickers. */
const REDRAW_MS = 50;

/**
 * Shows how far a load is: a bar that redraws itself on a terminal, a plain line for each step elsewhere.
 * Give the answer to `loadShop` as `onProgress`.
 */
export function showProgress(
  output: ProgressOutput,
  now: () => number = () => performance.now(),
): (progress: LoadProgress) => void {
  return output.isTTY ? showBar(output, now) : showLines(output);
}

function showBar(output: ProgressOutput, now: () => number): (progress: LoadProgress) => void {
  let drawn = Number.NEGATIVE_INFINITY;
  return ({ step, done, total }) => {
    const isOver = done >= total;
    if (!isOver && now() - drawn < REDRAW_MS) return;
    drawn = now();
    const filled = Math.floor((BAR_WIDTH * done) / total);
    const bar = "█".repeat(filled) + "░".repeat(BAR_WIDTH - filled);
    const line = `Loading the shop ${bar} ${percent(done, total).padStart(4)} ${step}`;
    // Carriage return, text, erase to the end of the line. A line that wraps could not be redrawn.
    output.write(`\r${line.slice(0, (output.columns ?? 80) - 1)}\u001B[K${isOver ? "\n" : ""}`);
  };
}

function showLines(output: ProgressOutput): (progress: LoadProgress) => void {
  let shown = "";
  return ({ step, done, total }) => {
    if (step === shown) return;
    shown = step;
    output.write(`Loading the shop: ${percent(done, total)} ${step}\n`);
  };
}

function percent(done: number, total: number): string {
  return `${Math.floor((100 * done) / total)}%`;
}
