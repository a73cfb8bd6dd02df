import type { TagScheme } from "./row-tags.ts";
import type { TagNames } from "./tag-names.ts";

/** What a trigger tells: rows of a table have changed, and the values that they have or had. */
export interface ToldChange {
  readonly table: number;
  /** Absent: any row may have changed. */
  readonly values: Readonly<Record<string, readonly string[] | null>> | undefined;
}

/** Reads a notification; `undefined` when no trigger of ours wrote it: everybody may notify. */
export function parseToldChange(payload: string): ToldChange | undefined {
  let parts: unknown;
  try {
    parts = JSON.parse(payload);
  } catch {
    return undefined;
  }
  if (!Array.isArray(parts)) return undefined;
  const [table, values] = parts as readonly unknown[];
  if (typeof table !== "number") return undefined;
  if (values === undefined) return { table, values: undefined };
  if (typeof values !== "object" || values === null) return undefined;
  if (!Object.values(values).every(isList)) return undefined;
  return { table, values: values as Readonly<Record<string, readonly string[] | null>> };
}

function isList(entry: unknown): boolean {
  return entry === null || (Array.isArray(entry) && entry.every((value) => typeof value === "string"));
}

/**
 * Adds the tags of the replies that a change makes out of date.
 *
 * @param isStrange nothing is known of the table yet: it may be a new partition of any that has some.
 */
export function addToldTags(
  { table, values }: ToldChange,
  scheme: TagScheme,
  names: TagNames,
  isStrange: boolean,
  tags: Set<string>,
): void {
  const known = scheme.tableOf(table);
  if (known === undefined) {
    tags.add(names.table(table));
    if (isStrange) for (const root of scheme.partitioned) tags.add(names.table(root));
    return;
  }
  const { taggedAs, columns } = known;
  if (values === undefined) {
    tags.add(names.table(taggedAs));
    return;
  }
  tags.add(names.rows(taggedAs));
  for (const { name, type } of columns) {
    const told = Object.hasOwn(values, name) ? values[name] : null;
    const own = told?.map((value) => names.value(taggedAs, name, type, value));
    if (own === undefined || own.includes(undefined)) tags.add(names.column(taggedAs, name));
    else for (const tag of own) tags.add(tag as string);
  }
}
