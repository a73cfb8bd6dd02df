import type { RunSettings } from "../coordinator.ts";
import type { CheckCount } from "../messages.ts";
import type { LoadResult } from "../result.ts";

interface Group {
  name: string;
  path: string;
  id: string;
  groups: Group[];
  checks: { name: string; path: string; id: string; passes: number; fails: number }[];
}

/** What k6 gives to `handleSummary`. */
export function toSummaryData(result: LoadResult, settings: RunSettings): unknown {
  const shown = new Set(settings.statistics);
  const metrics = Object.fromEntries(
    Object.entries(result.metrics).map(([name, { kind, isTime, values }]) => {
      const thresholds = result.thresholds.filter(({ metric }) => metric === name);
      const picked =
        kind === "trend"
          ? Object.fromEntries(Object.entries(values).filter(([statistic]) => shown.has(statistic)))
          : values;
      return [
        name,
        {
          type: kind,
          contains: isTime ? "time" : name.startsWith("data_") ? "data" : "default",
          values: picked,
          ...(thresholds.length > 0 && {
            thresholds: Object.fromEntries(thresholds.map(({ condition, passed }) => [condition, { ok: passed }])),
          }),
        },
      ];
    }),
  );
  return {
    root_group: toGroups(result.checks),
    options: {
      summaryTrendStats: settings.statistics,
      summaryTimeUnit: settings.options["summaryTimeUnit"] ?? null,
      noColor: true,
    },
    state: { isStdOutTTY: false, isStdErrTTY: false, testRunDurationMs: result.seconds * 1000 },
    metrics,
    // Beside k6's: all that a report needs.
    hotpath: result,
  };
}

/** Checks in the tree of groups they stand in. */
function toGroups(checks: readonly CheckCount[]): Group {
  const root: Group = { name: "", path: "", id: "", groups: [], checks: [] };
  for (const { group: path, name, passes, fails } of checks) {
    let group = root;
    for (const part of path.split("::").slice(1)) {
      let next = group.groups.find((known) => known.name === part);
      if (next === undefined) {
        const full = `${group.path}::${part}`;
        next = { name: part, path: full, id: full, groups: [], checks: [] };
        group.groups.push(next);
      }
      group = next;
    }
    group.checks.push({ name, path: `${path}::${name}`, id: `${path}::${name}`, passes, fails });
  }
  return root;
}
