import { DialectError } from "../dialect-error.ts";
import type { PlannedField, ReadNode, SpreadField } from "./plan.ts";

/**
 * Decides what each node outputs of its children: a JSON object, a JSON array, or, for a spread child, its columns.
 *
 * Aggregates of a to-one spread move up to the nearest node that is not one, for only there the grouping has a
 * meaning: `/invoices?select=client,...project(total.sum())` sums by client.
 */
export function linkOutputs(node: ReadNode): void {
  for (const child of node.children) linkOutputs(child);
  node.outputs = node.children.map((child) =>
    child.spread === undefined
      ? {
          kind: "json",
          name: child.outputName,
          joinAlias: child.joinAlias,
          shape: isObject(child) ? "object" : "array",
          empty: isEmpty(child),
        }
      : { kind: "spread", joinAlias: child.joinAlias, fields: spreadFields(child) },
  );
  if (node.spread === "one") return;
  for (const child of node.children) if (child.spread === "one") stripAggregates(child);
  if (node.spread === "many") deferOrder(node);
}

function isObject(child: ReadNode): boolean {
  const cardinality = child.relationship?.cardinality;
  return cardinality === "many-to-one" || cardinality === "one-to-one";
}

/** Nothing is selected from the child or from what it embeds. */
function isEmpty(node: ReadNode): boolean {
  return node.select.length === 0 && node.children.every(isEmpty);
}

/** A spread child's columns as its parent selects them, aggregates of to-one spreads included. */
function spreadFields(child: ReadNode): SpreadField[] {
  const own = child.select.map((field): SpreadField => {
    const name = field.alias ?? field.column.name;
    if (child.spread !== "one" || field.aggregate === undefined) return { name };
    return {
      name,
      aggregate: field.aggregate,
      alias: field.alias ?? field.aggregate,
      ...(field.aggregateCast === undefined ? {} : { aggregateCast: field.aggregateCast }),
    };
  });
  const nested = child.outputs.flatMap((output): readonly SpreadField[] => {
    if (output.kind === "json") return output.empty ? [] : [{ name: output.name }];
    // A nested spread's aggregate is computed by whoever stands outside of the chain; here its column passes through.
    return output.fields.map((field) => (field.aggregate === undefined ? { name: field.alias ?? field.name } : field));
  });
  return [...own, ...nested];
}

/** Leaves the plain columns in a chain of to-one spreads, whose aggregates the node outside now computes. */
function stripAggregates(node: ReadNode): void {
  node.select = node.select.map((field): PlannedField => {
    if (field.aggregate === undefined) return field;
    const { aggregate: _aggregate, aggregateCast: _cast, ...plain } = field;
    return plain;
  });
  for (const output of node.outputs) {
    if (output.kind === "spread") output.fields = output.fields.map(({ name }) => ({ name }));
  }
  for (const child of node.children) if (child.spread === "one") stripAggregates(child);
}

/** A to-many spread aggregates its rows into arrays, so its order moves into those aggregates. */
function deferOrder(node: ReadNode): void {
  const hasAggregate =
    node.select.some((field) => field.aggregate !== undefined) ||
    node.outputs.some(
      (output) => output.kind === "spread" && output.fields.some((field) => field.aggregate !== undefined),
    );
  if (hasAggregate) {
    throw new DialectError("PGRST127", 400, "Feature not implemented", {
      details: "Aggregates are not implemented for one-to-many or many-to-many spreads.",
    });
  }
  node.spreadOrder = node.order.map((term, index) => {
    // Not longer than a name may be: the alias has 52 bytes at most.
    const alias = `${node.joinAlias}_order_${index + 1}`;
    const { joinAlias, ...rest } = term;
    return {
      select: { column: term.column, alias },
      ...(joinAlias === undefined ? {} : { relation: joinAlias }),
      term: { ...rest, column: { name: alias, path: [], toJson: false, wholeRow: false } },
    };
  });
  node.order = [];
}
