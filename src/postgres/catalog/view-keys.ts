import { jsonRows } from "./json-rows.ts";
import { parseTargetList, type TargetEntry } from "./node-tree.ts";
import type { KeylessRelation } from "./relations.ts";
import type { Keys } from "./keys.ts";

/** A view and its query as PostgreSQL stores it: the text of a `pg_node_tree`. */
export type ViewRuleRow = readonly [view: number, query: string];

/** Queries of the views of the exposed schemas and of those on the extra search path, which may stand between. */
export const viewRulesSql = jsonRows(["v.ev_class::int8", "v.ev_action::text"], "from view_rule v", "v.ev_class");

/**
 * For each view, the columns that show a column of a table unchanged: by `originKey` of the table's column, in the
 * order of the view. A table's column may be shown more than once.
 */
export type ViewOrigins = ReadonlyMap<number, ReadonlyMap<string, readonly string[]>>;

/** Key of a column of a table by `oid` and position. */
export function originKey(table: number, position: number): string {
  return `${table}.${position}`;
}

/** Traces the columns of the exposed views to the tables they come from, through views of views. */
export function traceViews(rows: readonly ViewRuleRow[], relations: ReadonlyMap<number, KeylessRelation>): ViewOrigins {
  const targets = new Map(rows.map(([view, query]) => [view, parseTargetList(query)]));
  const origins = new Map<number, ReadonlyMap<string, readonly string[]>>();
  for (const view of targets.keys()) {
    const relation = relations.get(view);
    if (relation === undefined) continue;
    const shown = new Map<string, string[]>();
    for (const column of relation.columns.values()) {
      const origin = traceColumn(targets, view, column.position);
      if (origin === undefined) continue;
      const names = shown.get(origin);
      if (names === undefined) shown.set(origin, [column.name]);
      else names.push(column.name);
    }
    origins.set(view, shown);
  }
  return origins;
}

/**
 * The key columns of a view: those of each table whose primary key it shows in full, tables in the order in which the
 * view first shows them.
 */
export function viewPrimaryKey(
  shown: ReadonlyMap<string, readonly string[]>,
  primary: Keys["primary"],
): readonly string[] {
  const tables = new Set([...shown.keys()].map((origin) => Number(origin.slice(0, origin.indexOf(".")))));
  return [...tables].flatMap((table) => {
    const columns = primary.get(table)?.map((position) => shown.get(originKey(table, position))?.[0]) ?? [];
    return columns.every((name) => name !== undefined) ? columns : [];
  });
}

type Targets = ReadonlyMap<number, ReadonlyMap<number, TargetEntry>>;

function traceColumn(targets: Targets, view: number, position: number): string | undefined {
  let table = view;
  let column = position;
  // A view may be redefined to stand on itself through another; PostgreSQL refuses to run it, and this must end.
  for (const passed = new Set<number>(); targets.has(table);) {
    if (passed.has(table)) return undefined;
    passed.add(table);
    const entry = targets.get(table)?.get(column);
    if (entry === undefined) return undefined;
    table = entry.originTable;
    column = entry.originColumn;
  }
  return originKey(table, column);
}
