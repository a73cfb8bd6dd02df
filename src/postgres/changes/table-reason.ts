import type { ChangeSource, UnknownReason } from "./change-source.ts";
import type { TableRow } from "./dependencies-sql.ts";

/** A table, and what it takes to know of its changes. */
export interface TableToFollow {
  readonly row: TableRow;
  /** At whatever depth; empty for a table that has its own rows. */
  readonly partitions: readonly TableRow[];
  /** It inherits from another, or another from it, and is no partition. */
  readonly isRelated: boolean;
  /** Something identifies the rows of a table. */
  readonly hasIdentity: (row: TableRow) => boolean;
}

/** Why changes of a table are not told; `undefined` when they are. */
export function reasonNotTold(table: TableToFollow, source: ChangeSource): UnknownReason | undefined {
  const { row, partitions, isRelated, hasIdentity } = table;
  const all = [row, ...partitions];
  const kind = all.map(kindReason).find((found) => found !== undefined);
  if (kind !== undefined) return kind;
  if (source.means === "triggers") {
    // A statement fires the triggers of the table it names, whichever rows it changes.
    if (isRelated) return "not-followed";
    const { tracked } = source;
    return tracked === undefined || all.every(([oid]) => tracked.has(oid)) ? undefined : "not-followed";
  }
  if (all.some(([, , , , persistence]) => persistence !== "p")) return "unlogged-table";
  const stored = row[3] === "p" ? partitions.filter((part) => part[3] !== "p") : [row];
  if (!stored.every(hasIdentity)) return "no-identity";
  const { published } = source;
  const isPublished = published === undefined ? row[6] : stored.every(([oid]) => published.has(oid));
  return isPublished ? undefined : "not-followed";
}

function kindReason([, , , kind, , isGuarded]: TableRow): UnknownReason | undefined {
  if (kind !== "r" && kind !== "p") return "foreign-table";
  return isGuarded ? "row-security" : undefined;
}
