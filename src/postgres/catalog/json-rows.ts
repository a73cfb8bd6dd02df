/**
 * SQL of a scalar subquery that answers rows as one JSON text: a list of lists of the given expressions.
 * `order` makes the text the same as long as the rows are.
 */
export function jsonRows(expressions: readonly string[], from: string, order: string): string {
  return `(select coalesce(json_agg(json_build_array(${expressions.join(", ")}) order by ${order}), '[]')::text ${from})`;
}
