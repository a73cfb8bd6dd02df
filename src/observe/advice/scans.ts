import type { StatementPlan } from "../../api/source.ts";
import { durationOf, isStatement, textOf, waitOf } from "../trace/statement.ts";
import type { Detector, Finding } from "./advice.ts";

/** Plans a statement that was lately sent, without running it; undefined: nobody knows it. */
export type Explain = (statement: string) => Promise<StatementPlan | undefined>;

/** Quicker statements are not worth a look. */
const LEAST_MS = 1;
/** Between two plans that are asked for. */
const PAUSE_MS = 500;
/** A plan may change with the data: it is asked for again after that. */
const PLANNED_FOR_MS = 15 * 60_000;
const MAX_STATEMENTS = 500;

interface Known {
  plannedMs: number;
  finding: Omit<Finding, "ms"> | undefined;
}

/**
 * Finds statements that read a large table from end to end for a few of its rows, by their plans. One plan at a time is asked for, off the
 * path of requests and no more often than twice a second.
 */
export function createScanWatch(explain: Explain, now: () => number = () => performance.now()): Detector {
  const known = new Map<string, Known>();
  let isBusy = false;
  let nextMs = Number.NEGATIVE_INFINITY;

  async function plan(text: string): Promise<void> {
    const planned = await explain(text).catch(() => undefined);
    if (known.size >= MAX_STATEMENTS) known.delete(known.keys().next().value ?? "");
    known.set(text, { plannedMs: now(), finding: planned && toFinding(planned) });
    nextMs = now() + PAUSE_MS;
    isBusy = false;
  }

  return {
    look({ trace }, note) {
      if (!trace.hasAsked) return;
      for (const span of trace.spans) {
        if (!isStatement(span)) continue;
        const text = textOf(span);
        const ms = durationOf(span) - waitOf(span);
        const found = known.get(text);
        if (found?.finding !== undefined) note({ ...found.finding, ms });
        if (isBusy || ms < LEAST_MS || text === "" || now() < nextMs) continue;
        if (found !== undefined && now() - found.plannedMs < PLANNED_FOR_MS) continue;
        isBusy = true;
        void plan(text);
      }
    },
  };
}

function toFinding({ scans }: StatementPlan): Omit<Finding, "ms"> | undefined {
  const [scan] = scans.toSorted((one, other) => other.rows - one.rows);
  if (scan === undefined) return undefined;
  const { relation, rows, kept, filter, columns } = scan;
  return {
    kind: "unindexed scan",
    seen: `all ${count(rows)} rows of ${relation} are read for some ${count(kept)} of them: ${filter}`,
    todo:
      columns.length === 0
        ? `Index what the filter compares: ${filter}`
        : `CREATE INDEX CONCURRENTLY ON ${relation} (${columns.join(", ")});`,
  };
}

function count(number: number): string {
  return Math.round(number).toLocaleString("en");
}
