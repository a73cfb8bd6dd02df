import { exactTypeOf } from "./canonical-value.ts";
import type { ColumnRow, KeyRow } from "./dependencies-sql.ts";
import type { TagColumn } from "./row-tags.ts";

/** Beyond these lists are rarely filtered by one column alone, and each column is a tag more for every change. */
const MOST_COLUMNS = 8;

/**
 * The columns by whose values replies from a table are tagged, the most telling first: those of keys, of foreign keys, and of other indexes, as far
 * as equal values of their type are spelled alike. Lists that are filtered by others are slow, so rarely asked for.
 */
export function chooseTagColumns(columns: readonly ColumnRow[], keys: readonly KeyRow[]): readonly TagColumn[] {
  const byPosition = new Map(columns.map((column) => [column[1], column]));
  const chosen = new Map<string, TagColumn>();
  for (const kind of ["primary", "unique", "foreign", "index"] as const) {
    for (const [, , , positions] of keys.filter(([, own]) => own === kind)) {
      for (const position of positions) {
        const [, , name, typeOid] = byPosition.get(position) ?? [];
        const type = typeOid === undefined ? undefined : exactTypeOf(typeOid);
        if (name === undefined || type === undefined || chosen.has(name) || chosen.size >= MOST_COLUMNS) continue;
        chosen.set(name, { name, type });
      }
    }
  }
  return [...chosen.values()];
}
