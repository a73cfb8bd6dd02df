import type { Json } from "./swagger-schema.ts";

/** References to what a relation's operations share. */
export interface RelationParts {
  /** Filters by column. */
  readonly filters: ReadonlyMap<string, Json>;
  readonly newRow: Json;
  readonly changes: Json;
  /** Responses: rows that are read, rows that were written, and one row by its key. */
  readonly rows: Json;
  readonly written: Json;
  readonly single: Json;
  /** Parameters that make a write of one row depend on how it is. */
  readonly conditions: readonly string[];
}
