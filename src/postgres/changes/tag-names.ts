import { type ExactType, canonicalValue } from "./canonical-value.ts";

// Tags say which rows a reply was made from. Of one table there are four kinds:
//
//   P:OID              every reply that looked at the table in whatever way: goes when nothing is known of what changed (TRUNCATE, a
//                      changed structure, a lost stream)
//   P:OID*             replies that any row may be part of: goes with every change
//   P:OID.column=value replies made from nothing but rows with this value: goes when a row with it was inserted, changed or deleted,
//                      or a row's value became or ceased to be it
//   P:OID.column       goes with the one above it, when a row's value of the column is not known
//
// P tells the databases apart that share a cache.

/** Tags of one database. */
export interface TagNames {
  table(oid: number): string;
  rows(oid: number): string;
  column(oid: number, column: string): string;
  /** `undefined`: it is not certain which other texts mean this value. */
  value(oid: number, column: string, type: ExactType, text: string): string | undefined;
}

/** @param prefix the same on all nodes that serve the database alike, and on no other. */
export function createTagNames(prefix: string): TagNames {
  return {
    table: (oid) => `${prefix}:${oid}`,
    rows: (oid) => `${prefix}:${oid}*`,
    column: (oid, column) => `${prefix}:${oid}.${column}`,
    value(oid, column, type, text) {
      const canonical = canonicalValue(type, text);
      return canonical === undefined ? undefined : `${prefix}:${oid}.${column}=${canonical}`;
    },
  };
}
