import { identifier, type SqlWriter } from "./sql-text.ts";

/** A column of a keyset: the rows are ordered by all of them, and together they name one row. */
export interface CursorTerm {
  readonly column: string;
  readonly direction: "asc" | "desc";
  readonly nulls: "first" | "last";
  readonly nullable: boolean;
  /** An array: its values cannot be aggregated as they are, for they may differ in size. */
  readonly isArray: boolean;
}

export interface CursorPlan {
  readonly terms: readonly CursorTerm[];
  /** Which values of the cursor to start after are null, or null on the first page. The values themselves are bound. */
  readonly after: readonly boolean[] | null;
}

/**
 * The rows after the cursor's: later in the first column, or equal in it and later in the rest (keyset pagination;
 * M. Winand, "SQL Performance Explained", "Fetching the Next Page").
 */
export function cursorCondition(writer: SqlWriter, root: string, { terms, after }: CursorPlan): string | undefined {
  if (after === null) return undefined;
  const placeholders = after.map((isNull, index) => (isNull ? undefined : writer.bind({ kind: "cursor", index })));
  const [first] = terms;
  if (first !== undefined && placeholders.every((value) => value !== undefined) && isUniform(terms)) {
    // Row comparison is one index condition where the simple form would be several.
    const columns = terms.map(({ column }) => `${root}.${identifier(column)}`).join(", ");
    return `(${columns}) ${first.direction === "asc" ? ">" : "<"} (${placeholders.join(", ")})`;
  }
  const condition = laterRows(root, terms, placeholders);
  const bound = first === undefined ? undefined : leadingBound(root, first, placeholders[0]);
  return bound === undefined ? `(${condition})` : `${bound} AND (${condition})`;
}

/** All in one direction, and none null: what SQL's row comparison means. */
function isUniform(terms: readonly CursorTerm[]): boolean {
  return terms.every((term) => term.direction === terms[0]?.direction && !term.nullable);
}

/** Implied by the rest, but the planner can start an index scan from it. */
function leadingBound(root: string, term: CursorTerm, value: string | undefined): string | undefined {
  if (value === undefined || (term.nullable && term.nulls === "last")) return undefined;
  return `${root}.${identifier(term.column)} ${term.direction === "asc" ? ">=" : "<="} ${value}`;
}

function laterRows(root: string, terms: readonly CursorTerm[], values: readonly (string | undefined)[]): string {
  const [term, ...otherTerms] = terms;
  if (term === undefined) return "FALSE";
  const [value, ...otherValues] = values;
  const column = `${root}.${identifier(term.column)}`;
  const later = laterInColumn(column, term, value);
  const equal = value === undefined ? `${column} IS NULL` : `${column} = ${value}`;
  if (otherTerms.length === 0) return later;
  return `${later} OR (${equal} AND (${laterRows(root, otherTerms, otherValues)}))`;
}

function laterInColumn(column: string, term: CursorTerm, value: string | undefined): string {
  if (value === undefined) return term.nulls === "first" ? `${column} IS NOT NULL` : "FALSE";
  const later = `${column} ${term.direction === "asc" ? ">" : "<"} ${value}`;
  return term.nullable && term.nulls === "last" ? `(${later} OR ${column} IS NULL)` : later;
}
