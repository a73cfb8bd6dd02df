import type { PlannedCondition, PlannedField, ReadNode } from "./plan.ts";

/**
 * What the rows of a root's source must hold beside the columns of its relation: columns that functions compute of a row, since a
 * row that comes out of a common table expression is none of the relation any more.
 *
 * With such columns in the source its star would show them, so it is written out here.
 */
export function completeSource(node: ReadNode): readonly string[] {
  const columns = node.relation.columns;
  const named = [
    ...node.select.map(({ column }) => column),
    ...node.where.flatMap(conditionColumns),
    ...node.order.filter(({ joinAlias }) => joinAlias === undefined).map(({ column }) => column),
  ];
  const computed = new Set(named.filter(({ name }) => name !== "*" && !columns.has(name)).map(({ name }) => name));
  if (computed.size > 0) node.select = node.select.flatMap((field) => writtenOut(node, field));
  return [...computed];
}

function conditionColumns(condition: PlannedCondition): readonly { readonly name: string }[] {
  if (condition.kind === "group") return condition.children.flatMap(conditionColumns);
  return condition.kind === "filter" ? [condition.column] : [];
}

function writtenOut({ relation }: ReadNode, field: PlannedField): readonly PlannedField[] {
  if (field.column.name !== "*" || field.aggregate !== undefined) return [field];
  return [...relation.columns.keys()].map((name) => ({ column: { name, path: [], toJson: false, wholeRow: false } }));
}
