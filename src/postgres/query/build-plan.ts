import { createHash } from "node:crypto";

import type { Catalog, Relation, Relationship } from "../catalog/types.ts";
import { DialectError } from "../dialect-error.ts";
import type { Filter, JsonStep, LogicTree, OrderTerm, QueryTree, RowRange, SelectItem, SelectRelation } from "./ast.ts";
import { findRelationship, isToOne } from "./find-relationship.ts";
import type {
  PlannedColumn,
  PlannedCondition,
  PlannedField,
  PlannedOrder,
  PlanSettings,
  ReadNode,
  Reference,
} from "./plan.ts";
import { hasOutputRepresentation, isSearchVector, resolveColumn } from "./resolve-column.ts";
import { linkOutputs } from "./spread.ts";

/** `NAMEDATALEN` less its NUL and less what derived names append. */
const MAX_NAME_BYTES = 52;

/**
 * Resolves a parsed query against the catalog.
 *
 * @param range the root's rows, after limit, offset and `Range` were weighed.
 * @param source common table expression that the root's rows come from (what a write returned, what a function answered);
 *   it has the columns of `relation` that the query needs. Absent: the relation itself.
 * @throws DialectError for what the catalog does not have or the settings do not allow.
 */
export function planRead(
  catalog: Catalog,
  relation: Relation,
  query: QueryTree,
  range: RowRange,
  settings: PlanSettings,
  source?: Reference,
): ReadNode {
  const root = createRoot(relation, source);
  addEmbeds(catalog, root, query.select);
  addFields(catalog, root, query.select);
  for (const { path, item } of query.filters) {
    const node = findNode(root, path, settings);
    node.where.push(planCondition(catalog, node, item));
  }
  for (const { path, item } of query.logic) {
    const node = findNode(root, path, settings);
    node.where.push(planCondition(catalog, node, item));
  }
  for (const { path, item } of query.order) {
    const node = findNode(root, path, settings);
    node.order = item.map((term) => planOrder(catalog, node, term));
  }
  for (const { path, item } of query.ranges) {
    // The root's range was weighed by the caller.
    if (path.length > 0) findNode(root, path, settings).range = { ...item };
  }
  root.range = { ...range };
  everyNode(root, (node) => {
    if (!settings.aggregates && node.select.some((field) => field.aggregate !== undefined)) {
      throw new DialectError("PGRST123", 400, "Use of aggregate functions is not allowed");
    }
    node.range = capRange(node.range, settings.maxRows);
  });
  expandStars(catalog, root, false);
  everyNode(root, aliasFields);
  if (groupsEmbeds(root)) everyNode(root, (node) => (node.embedsAs = "jsonb"));
  linkOutputs(root);
  return root;
}

/** The conditions that a query puts on its root, for a statement that changes it: nothing is embedded there. */
export function planConditions(catalog: Catalog, relation: Relation, query: QueryTree): readonly PlannedCondition[] {
  const root = createRoot(relation, undefined);
  return [...query.filters, ...query.logic]
    .filter(({ path }) => path.length === 0)
    .map(({ item }) => planCondition(catalog, root, item));
}

/** Somewhere rows are grouped, or columns aggregated, that embedded values may be among. */
function groupsEmbeds(node: ReadNode): boolean {
  const isGrouped = node.spread !== undefined || node.select.some((field) => field.aggregate !== undefined);
  return isGrouped || node.children.some(groupsEmbeds);
}

function everyNode(node: ReadNode, visit: (node: ReadNode) => void): void {
  visit(node);
  for (const child of node.children) everyNode(child, visit);
}

function createRoot(relation: Relation, source: Reference | undefined): ReadNode {
  return {
    name: relation.name,
    outputName: relation.name,
    depth: 0,
    relation,
    // Rows from elsewhere are called by the relation's name alone.
    reference: source === undefined ? { schema: relation.schema, name: relation.name } : { name: relation.name },
    ...(source === undefined ? {} : { source }),
    joinAlias: "",
    join: "left",
    ...emptyParts(),
  };
}

type Parts = Pick<
  ReadNode,
  "select" | "where" | "order" | "range" | "children" | "outputs" | "spreadOrder" | "embedsAs"
>;

function emptyParts(): Parts {
  return {
    select: [],
    where: [],
    order: [],
    range: { offset: 0 },
    children: [],
    outputs: [],
    spreadOrder: [],
    embedsAs: "json",
  };
}

/** Before any column: of two mistakes the dialect reports the missing relationship. */
function addEmbeds(catalog: Catalog, node: ReadNode, items: readonly SelectItem[]): void {
  for (const item of items) {
    if (item.kind !== "relation") continue;
    const child = createChild(catalog, node, item);
    node.children.push(child);
    addEmbeds(catalog, child, item.select);
  }
}

function addFields(catalog: Catalog, node: ReadNode, items: readonly SelectItem[]): void {
  const children = node.children.values();
  for (const item of items) {
    if (item.kind === "relation") {
      const { value: child } = children.next();
      if (child !== undefined) addFields(catalog, child, item.select);
    } else {
      node.select.push({
        column: resolveColumn(catalog, node.relation, node.reference, item.field, "output"),
        ...(item.aggregate === undefined ? {} : { aggregate: item.aggregate }),
        ...(item.aggregateCast === undefined ? {} : { aggregateCast: item.aggregateCast }),
        ...(item.cast === undefined ? {} : { cast: item.cast }),
        ...(item.alias === undefined ? {} : { alias: item.alias }),
      });
    }
  }
}

function createChild(catalog: Catalog, parent: ReadNode, item: SelectRelation): ReadNode {
  const relationship = findRelationship(catalog, parent.relation, item.name, item.hint);
  const relation = catalog.relations.get(relationship.to.schema)?.get(relationship.to.name);
  // The catalog lists relationships between exposed relations only.
  if (relation === undefined) throw new Error(`relationship to an unknown relation ${relationship.to.name}`);
  const depth = parent.depth + 1;
  const outputName = item.alias ?? item.name;
  return {
    name: item.name,
    outputName,
    depth,
    relation,
    reference: { name: shortName(relation.name, `_${depth}`) },
    // The dot keeps it apart from the names that columns have.
    joinAlias: shortName(`hp.${parent.relation.name}_${outputName}`, `_${depth}`),
    relationship,
    parentReference: parent.reference,
    ...(parent.source === undefined ? {} : { parentColumns: [...parent.relation.columns.keys()] }),
    join: item.join ?? "left",
    ...(item.spread ? { spread: spreadKind(relationship) } : {}),
    ...emptyParts(),
  };
}

/** PostgreSQL cuts identifiers at 63 bytes, so a longer name keeps its beginning and a digest that tells it from others. */
function shortName(name: string, suffix: string): string {
  if (Buffer.byteLength(name + suffix) <= MAX_NAME_BYTES) return name + suffix;
  const digest = createHash("sha256").update(name).digest("hex").slice(0, 12);
  return `${Buffer.from(name).subarray(0, 32).toString("utf8").replaceAll("\u{fffd}", "")}_${digest}${suffix}`;
}

function spreadKind(relationship: Relationship): "one" | "many" {
  return isToOne(relationship) ? "one" : "many";
}

/** @throws DialectError PGRST108 when the path names a relation that is not embedded. */
function findNode(root: ReadNode, path: readonly string[], settings: PlanSettings): ReadNode {
  let node = root;
  for (const name of path) {
    const child =
      node.children.find(({ outputName }) => outputName === name) ??
      // Addressing an aliased embed by its target's name: older clients do.
      (settings.legacyTargetNames ? node.children.find((candidate) => candidate.name === name) : undefined);
    if (child === undefined) throw notEmbedded(name);
    node = child;
  }
  return node;
}

function notEmbedded(name: string): DialectError {
  return new DialectError("PGRST108", 400, `'${name}' is not an embedded resource in this request`, {
    hint: `Verify that '${name}' is included in the 'select' query parameter.`,
  });
}

function planCondition(catalog: Catalog, node: ReadNode, tree: LogicTree): PlannedCondition {
  if (tree.kind === "filter") return planFilter(catalog, node, tree);
  const children = tree.children.map((child) => planCondition(catalog, node, child));
  return { kind: "group", operator: tree.kind, negated: tree.negated, children };
}

function planFilter(catalog: Catalog, node: ReadNode, filter: Filter): PlannedCondition {
  const { field, negated, operation } = filter;
  const embed = field.path.length === 0 ? node.children.find(({ outputName }) => outputName === field.name) : undefined;
  if (embed !== undefined && operation.kind === "is" && operation.literal === "null") {
    return { kind: "embed-null", joinAlias: embed.joinAlias, negated };
  }
  const column = resolveColumn(catalog, node.relation, node.reference, field, "filter");
  if (operation.kind !== "search" || isSearchVector(node.relation, field.name)) {
    return { kind: "filter", column, negated, operation };
  }
  const searched: PlannedColumn = { ...column, searchLanguage: operation.language ?? "" };
  return { kind: "filter", column: searched, negated, operation };
}

function planOrder(catalog: Catalog, node: ReadNode, term: OrderTerm): PlannedOrder {
  const suffix = {
    ...(term.direction === undefined ? {} : { direction: term.direction }),
    ...(term.nulls === undefined ? {} : { nulls: term.nulls }),
  };
  if (term.relation === undefined) {
    return { column: resolveColumn(catalog, node.relation, node.reference, term.field, "order"), ...suffix };
  }
  const child = node.children.find(({ outputName }) => outputName === term.relation);
  if (child === undefined) throw notEmbedded(term.relation);
  if (child.relationship === undefined || !isToOne(child.relationship)) {
    throw new DialectError("PGRST118", 400, `A related order on '${child.outputName}' is not possible`, {
      details: `'${node.relation.name}' and '${child.outputName}' do not form a many-to-one or one-to-one relationship`,
    });
  }
  const { field } = term;
  const column = selectsAs(child, field.name)
    ? { name: field.name, path: field.path, toJson: false, wholeRow: false }
    : resolveColumn(catalog, child.relation, child.reference, field, "order");
  return { column, joinAlias: child.joinAlias, ...suffix };
}

/** Whether something that the node selects, or spreads out of its own children, has this alias. */
function selectsAs({ select, children }: ReadNode, name: string): boolean {
  const spread = children.filter((child) => child.spread !== undefined);
  return select.some(({ alias }) => alias === name) || spread.some((child) => selectsAs(child, name));
}

function capRange(range: RowRange, maxRows: number | null): { limit?: number; offset: number } {
  if (maxRows === null) return { ...range };
  return { ...range, limit: Math.min(range.limit ?? maxRows, maxRows) };
}

/**
 * Writes `*` out as columns where it cannot stand: with domain representations, beside aggregates (for GROUP BY) and
 * in to-many spreads.
 */
function expandStars(catalog: Catalog, node: ReadNode, insideAggregate: boolean): void {
  const isExpanded =
    insideAggregate || node.spread === "many" || node.select.some((field) => field.aggregate !== undefined);
  if (isExpanded || hasOutputRepresentation(catalog, node.relation)) {
    node.select = node.select.flatMap((field) => expandStar(catalog, node, field));
  }
  for (const child of node.children) expandStars(catalog, child, isExpanded);
}

function expandStar(catalog: Catalog, node: ReadNode, field: PlannedField): readonly PlannedField[] {
  if (field.column.name !== "*" || field.column.path.length > 0) return [field];
  if (field.aggregate === "count" && node.spread !== undefined) {
    return [{ ...field, column: { ...field.column, wholeRow: true } }];
  }
  if (field.aggregate !== undefined) return [field];
  return [...node.relation.columns.keys()].map((name) => ({
    column: resolveColumn(catalog, node.relation, node.reference, { name, path: [] }, "output"),
  }));
}

/** Gives an output name to fields that SQL would name otherwise than the dialect does. */
function aliasFields(node: ReadNode): void {
  node.select = node.select.map((field): PlannedField => {
    if (field.alias !== undefined) return field;
    if (field.aggregate !== undefined) return node.spread === undefined ? field : { ...field, alias: field.aggregate };
    const key = lastKey(field.column.path);
    if (field.column.path.length > 0) return { ...field, alias: key ?? field.column.name };
    return field.column.transform === undefined ? field : { ...field, alias: field.column.name };
  });
}

function lastKey(path: readonly JsonStep[]): string | undefined {
  const step = path.findLast(({ operand }) => "key" in operand);
  return step !== undefined && "key" in step.operand ? step.operand.key : undefined;
}
