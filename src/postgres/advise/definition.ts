import { quoteName } from "./accesses.ts";
import type { Candidate } from "./candidates.ts";

/** PostgreSQL cuts longer names. */
const MAX_NAME_BYTES = 63;

/** A name like those that PostgreSQL gives, which no index of the table's schema has. */
export function indexName({ table, columns, where, method, include }: Candidate, taken: ReadonlySet<string>): string {
  const kind = method === "btree" ? "" : `_${method}`;
  const words = `${table.name}_${columns.join("_")}${kind}${where === undefined ? "" : "_part"}${include.length > 0 ? "_cover" : ""}`;
  const base = cut(words, MAX_NAME_BYTES - "_idx99".length);
  for (let number = 0; ; number++) {
    const name = `${base}_idx${number === 0 ? "" : number}`;
    if (!taken.has(name)) return name;
  }
}

/** The statement that builds it. Reads and writes go on meanwhile, unless it is built in a transaction. */
export function createIndex(candidate: Candidate, name: string, isConcurrent: boolean): string {
  const { table, method, keys, include, where } = candidate;
  // PostgreSQL builds those of partitioned tables in no other way.
  const how = isConcurrent && !table.isPartitioned ? "concurrently " : "";
  const using = method === "btree" ? "" : ` using ${method}`;
  const covering = include.length > 0 ? ` include (${include.join(", ")})` : "";
  const partial = where === undefined ? "" : ` where ${where}`;
  return `create index ${how}${quoteName(name)} on ${quoteName(table.schema)}.${quoteName(table.name)}${using} (${keys.join(", ")})${covering}${partial}`;
}

function cut(text: string, bytes: number): string {
  let short = text;
  while (Buffer.byteLength(short) > bytes) short = short.slice(0, -1);
  return short;
}
