import type { ScenarioPlan } from "./plan.ts";
import type { Point } from "./series.ts";
import type { Total } from "./totals.ts";

/** A process that uses so much of a core, or is late by so much, shapes what it measures. */
const BUSY_CORES = 0.92;
const LATE_MS = 10;
const STILL_MS = 50;
/** Of all seconds; a single hiccup is named no limit. */
const SHARE = 0.1;

const isBusy = ({ cpu }: Point): boolean => cpu >= BUSY_CORES;
const isLate = ({ slipMs }: Point): boolean => slipMs >= LATE_MS;
const isStill = ({ loopDelayMs }: Point): boolean => loopDelayMs >= STILL_MS;

/** Why the result may say more about the load generator than about the server. */
export function generatorWarnings(
  points: readonly Point[],
  totals: ReadonlyMap<string, Total>,
  scenarios: readonly ScenarioPlan[],
): string[] {
  const warnings: string[] = [];
  // The first and the last second hold start and end.
  const inner = points.length > 3 ? points.slice(1, -1) : points;
  const share = (isSo: (point: Point) => boolean): number => inner.filter(isSo).length / Math.max(1, inner.length);
  const often = (isSo: (point: Point) => boolean): boolean => inner.length > 0 && share(isSo) >= SHARE;
  const seconds = (isSo: (point: Point) => boolean): string => `in ${Math.round(share(isSo) * 100)}% of the run`;
  if (often(isBusy)) {
    warnings.push(
      `The load generator was at its own limit (a whole core) ${seconds(isBusy)}: the server may do more than this. Give more --workers, or another machine.`,
    );
  }
  if (often(isLate)) {
    const most = Math.max(...inner.map(({ slipMs }) => slipMs));
    warnings.push(
      `The load generator sent requests late by itself (1 of 100 by up to ${most.toFixed(0)} ms) ${seconds(isLate)}; response times contain that.`,
    );
  }
  if (often(isStill)) {
    const most = Math.max(...inner.map(({ loopDelayMs }) => loopDelayMs));
    warnings.push(
      `The load generator stood still for up to ${most.toFixed(0)} ms ${seconds(isStill)}: replies were seen that much too late. Is the machine busy with something else?`,
    );
  }
  const dropped = totals.get("dropped_iterations")?.sum ?? 0;
  if (dropped > 0) {
    const isScript = scenarios.some(({ exec }) => exec !== "");
    warnings.push(
      isScript
        ? `${dropped} iterations that were due were never begun, because no VU was free (raise maxVUs): how slow they would have been is not in the percentiles.`
        : `${dropped} requests that were due could not be sent before the end, because no connection was free: how slow they would have been is not in the percentiles.`,
    );
  }
  const failed = totals.get("http_req_failed");
  if (failed !== undefined && failed.total > 0 && failed.passes === failed.total) {
    warnings.push(`All ${failed.total} requests failed: times are those of failures, and say nothing of the server.`);
  }
  return warnings;
}
