import type { Catalog, Relation, RelationName } from "../catalog/types.ts";
import { relationKey } from "../catalog/types.ts";
import type { PlannedColumn, PlannedCondition, ReadNode } from "../query/plan.ts";
import { listItems } from "../query/query-string.ts";
import type { Bindings } from "../query/statement.ts";
import { type ExactType, exactTypeOf, namesMoment } from "./canonical-value.ts";
import type { CacheRule, FindCacheRule } from "./cache-rules.ts";
import type { Dependencies } from "./dependencies.ts";
import type { UnknownReason } from "./change-source.ts";
import { addMoments } from "./moments.ts";
import type { TagNames } from "./tag-names.ts";

/**
 * The tags of all replies to reads of one shape.
 *
 * Why they suffice: a node of the plan reads rows of its table that meet all of its conditions. Where one of them says `column = value`, a change
 * matters only if a row's old or new version has that value, and such a change emits the value's tag, or, where an old value is not known, the
 * column's. Where none does, any change may matter. An embedded node's rows are joined by `child.column = parent.column`: where the parent's column
 * is fixed, so is the child's.
 */
export interface ReadTags {
  /** How long replies are cached whatever changes, where the settings say so of a relation among those read. */
  readonly ttlMs: number | undefined;
  /** Those without values: for whoever would have too many with them. */
  readonly coarse: readonly string[];
  /** Answers a reason when this request's reply cannot be tagged. */
  of(bindings: Bindings): readonly string[] | UntaggedReason;
}

/** Why the reply to a read cannot be tagged; a token of `Cache-Status`. */
export type UntaggedReason = UnknownReason | "off" | "function" | "cast" | "system-column" | "time" | "too-many-tags";

/** What the tags of reads are made from. */
export interface TagSource {
  readonly catalog: Catalog;
  readonly dependencies: Dependencies;
  readonly names: TagNames;
  /** What the settings say of relations and functions. */
  readonly ruleOf: FindCacheRule;
}

/** Works out the tags of a plan; a reason when it is not certain what its replies depend on. */
export function planTags(source: TagSource, root: ReadNode): ReadTags | UntaggedReason {
  const draft: Draft = { fixed: new Set(), values: [], moments: [], ttls: [] };
  return addNode(source, root, [], draft) ?? toTags(source, draft);
}

/**
 * Works out the tags of a call's plan: a function's results depend on what the settings say of it, and on nothing else.
 *
 * @param moments parameters of the request that may name a moment.
 */
export function planCallTags(
  source: TagSource,
  routine: RelationName,
  root: ReadNode,
  moments: readonly number[],
): ReadTags | UntaggedReason {
  const rule = source.ruleOf(routine);
  if (rule === undefined) return "function";
  const draft: Draft = { fixed: new Set(), values: [], moments: [...moments], ttls: [] };
  const reason =
    addByRule(source, rule, undefined, draft) ??
    addOthers(source, root, draft) ??
    addMoments(root.relation, root.where, draft.moments) ??
    addChildren(source, root, [], draft);
  return reason ?? toTags(source, draft);
}

/** A relation that a statement of a route reads; rows count only where they have the values of these parameters. */
export interface StatementRead {
  readonly oid: number;
  readonly equalities: readonly { readonly column: string; readonly type: ExactType; readonly parameter: number }[];
}

/**
 * Works out the tags of a route's statement, as far as it can be known what it depends on: the rest is what the route itself says of how
 * long its replies may be kept.
 */
export function planStatementTags(source: TagSource, reads: readonly StatementRead[]): ReadTags | UntaggedReason {
  const draft: Draft = { fixed: new Set(), values: [], moments: [], ttls: [] };
  for (const { oid, equalities } of reads) {
    const fixed = equalities.map(({ column, type, parameter }): Equality => ({
      column,
      type,
      value: { parameter, isList: false },
    }));
    addTable(source, oid, fixed, draft);
  }
  return toTags(source, draft);
}

function toTags({ names }: TagSource, { fixed, values, moments, ttls }: Draft): ReadTags | UntaggedReason {
  const coarse = unique([...fixed, ...values.flatMap(({ tables }) => tables.map((oid) => names.rows(oid)))]);
  if (coarse.length > MOST_TAGS) return "too-many-tags";
  return {
    ttlMs: ttls.length === 0 ? undefined : Math.min(...ttls),
    coarse,
    of({ operands, cursor }) {
      if (moments.some((parameter) => namesMoment(operands[parameter] ?? ""))) return "time";
      if (cursor.some((value) => value !== null && namesMoment(value))) return "time";
      if (values.length === 0) return coarse;
      const tags = new Set(fixed);
      for (const each of values) addValues(names, each, operands, tags);
      return tags.size > MOST_TAGS ? coarse : [...tags];
    },
  };
}

/** What becomes of the nodes of a plan. */
interface Draft {
  /** Tags that all requests of the shape have. */
  readonly fixed: Set<string>;
  readonly values: ValueTags[];
  /** Parameters that may name a moment: `now` is read as a time when the statement runs. */
  readonly moments: number[];
  /** Of relations that are cached for a time. */
  readonly ttls: number[];
}

/** A stored reply has 128 at most, and some are not ours. */
const MOST_TAGS = 120;
/** Longer lists of values are tagged as if they were not there. */
const MOST_VALUES = 32;

/** Where the values are that a column must have. */
type FixedValue =
  | { readonly text: string }
  | { readonly parameter: number; readonly isList: boolean }
  | { readonly texts: readonly string[] };

/** A condition that rows of a node must meet. */
interface Equality {
  readonly column: string;
  readonly type: ExactType;
  readonly value: FixedValue;
}

/** Rows of these tables, told by an equality. */
interface ValueTags {
  readonly tables: readonly number[];
  readonly equality: Equality;
}

function addNode(
  source: TagSource,
  node: ReadNode,
  inherited: readonly Equality[],
  draft: Draft,
): UntaggedReason | undefined {
  const { relation } = node;
  const problem = addOthers(source, node, draft) ?? addMoments(relation, node.where, draft.moments);
  if (problem !== undefined) return problem;
  const equalities = [...inherited, ...node.where.flatMap((condition) => equalitiesOf(relation, condition))];
  const rule = source.ruleOf(relation);
  const reason =
    rule === undefined
      ? addTable(source, relation.oid, equalities, draft)
      : addByRule(source, rule, relation.oid, draft);
  return reason ?? addChildren(source, node, equalities, draft);
}

function addChildren(
  source: TagSource,
  node: ReadNode,
  equalities: readonly Equality[],
  draft: Draft,
): UntaggedReason | undefined {
  for (const child of node.children) {
    const failed =
      addJunction(source, child, equalities, draft) ?? addNode(source, child, passedOn(child, equalities), draft);
    if (failed !== undefined) return failed;
  }
  return undefined;
}

function addTable(
  { dependencies, names }: TagSource,
  oid: number,
  equalities: readonly Equality[],
  { fixed, values }: Draft,
): UntaggedReason | undefined {
  const dependency = dependencies.of(oid);
  if (dependency.kind === "unknown") return dependency.reason;
  const { tables, isTable } = dependency;
  for (const table of tables) fixed.add(names.table(table));
  const best = isTable ? bestOf(dependencies, tables, equalities) : undefined;
  if (best === undefined) for (const table of tables) fixed.add(names.rows(table));
  else {
    for (const table of tables) fixed.add(names.column(table, best.column));
    values.push({ tables, equality: best });
  }
  return undefined;
}

/** Adds what the settings say that a relation, or a function, stands on. */
function addByRule(
  source: TagSource,
  rule: CacheRule,
  oid: number | undefined,
  draft: Draft,
): UntaggedReason | undefined {
  if (rule.kind === "off") return "off";
  // Whatever goes with everything else when the structure changes.
  if (oid !== undefined) draft.fixed.add(source.names.table(oid));
  if (rule.kind === "ttl") {
    draft.ttls.push(rule.ttlMs);
    return undefined;
  }
  for (const text of rule.tables) {
    const table = findByText(source.catalog, text);
    const reason = table === undefined ? "not-followed" : addTable(source, table.oid, [], draft);
    if (reason !== undefined) return reason;
  }
  return undefined;
}

/** A relation that is named with or without its schema. */
function findByText({ relations }: Catalog, text: string): Relation | undefined {
  for (const [schema, byName] of relations) {
    const found =
      byName.get(text) ?? (text.startsWith(`${schema}.`) ? byName.get(text.slice(schema.length + 1)) : undefined);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The equality whose column stands first among those that all the tables are tagged by. */
function bestOf(
  dependencies: Dependencies,
  tables: readonly number[],
  equalities: readonly Equality[],
): Equality | undefined {
  const [first, ...others] = tables.map((oid) => dependencies.tables.get(oid)?.columns ?? []);
  for (const { name, type } of first ?? []) {
    const found = equalities.find((equality) => equality.column === name && equality.type === type);
    if (found === undefined) continue;
    if (others.every((columns) => columns.some((column) => column.name === name && column.type === type))) return found;
  }
  return undefined;
}

/** The table between, of a many-to-many relationship. */
function addJunction(
  source: TagSource,
  { relationship }: ReadNode,
  equalities: readonly Equality[],
  draft: Draft,
): UntaggedReason | undefined {
  if (relationship?.kind !== "key" || relationship.junction === undefined) return undefined;
  const { junction } = relationship;
  const relation = findRelation(source.catalog, junction);
  if (relation === undefined) return "not-followed";
  return addTable(source, relation.oid, moved(equalities, junction.fromColumns, relation), draft);
}

/** What the join to its parent fixes of a child. */
function passedOn(child: ReadNode, equalities: readonly Equality[]): readonly Equality[] {
  const { relationship, relation } = child;
  if (relationship?.kind !== "key" || relationship.junction !== undefined) return [];
  return moved(equalities, relationship.columns, relation);
}

/** Equalities of one side of a join as those of the other; both columns must be alike. */
function moved(
  equalities: readonly Equality[],
  pairs: readonly (readonly [string, string])[],
  to: Relation,
): readonly Equality[] {
  return pairs.flatMap(([from, column]) => {
    const type = exactTypeOf(to.columns.get(column)?.typeOid ?? 0);
    return equalities
      .filter((equality) => equality.column === from && equality.type === type)
      .map((equality) => ({ ...equality, column }));
  });
}

function equalitiesOf(relation: Relation, condition: PlannedCondition): readonly Equality[] {
  if (condition.kind === "embed-null" || condition.negated) return [];
  if (condition.kind === "group") {
    if (condition.operator === "or") return [];
    return condition.children.flatMap((child) => equalitiesOf(relation, child));
  }
  const { column, operation } = condition;
  const type = exactTypeOf(relation.columns.get(column.name)?.typeOid ?? 0);
  if (type === undefined || !isPlain(column)) return [];
  const value = fixedValue(operation);
  return value === undefined ? [] : [{ column: column.name, type, value }];
}

function fixedValue(operation: Extract<PlannedCondition, { kind: "filter" }>["operation"]): FixedValue | undefined {
  if (operation.kind === "compare") {
    const { operator, quantifier, value } = operation;
    if (operator !== "eq" || quantifier !== undefined) return undefined;
    return value.parameter === undefined ? { text: value.text } : { parameter: value.parameter, isList: false };
  }
  if (operation.kind !== "in") return undefined;
  return operation.parameter === undefined
    ? { texts: operation.values }
    : { parameter: operation.parameter, isList: true };
}

function isPlain({ path, toJson, searchLanguage, transform, wholeRow }: PlannedColumn): boolean {
  return path.length === 0 && !toJson && searchLanguage === undefined && transform === undefined && !wholeRow;
}

function addValues(
  names: TagNames,
  { tables, equality: { column, type, value } }: ValueTags,
  operands: readonly (string | undefined)[],
  tags: Set<string>,
): void {
  const texts = textsOf(value, operands);
  for (const oid of tables) {
    const own = texts?.map((text) => names.value(oid, column, type, text));
    if (own === undefined || own.includes(undefined)) tags.add(names.rows(oid));
    else for (const tag of own) tags.add(tag as string);
  }
}

function textsOf(value: FixedValue, operands: readonly (string | undefined)[]): readonly string[] | undefined {
  if ("text" in value) return [value.text];
  const texts = "texts" in value ? value.texts : operandTexts(operands[value.parameter], value.isList);
  return texts === undefined || texts.length > MOST_VALUES ? undefined : texts;
}

function operandTexts(operand: string | undefined, isList: boolean): readonly string[] | undefined {
  if (operand === undefined) return undefined;
  return isList ? listItems(operand) : [operand];
}

/** Adds what a node's rows depend on besides rows of relations: functions of which the settings tell. */
function addOthers(source: TagSource, node: ReadNode, draft: Draft): UntaggedReason | undefined {
  const { catalog, ruleOf } = source;
  const addFunction = (name: RelationName | undefined): UntaggedReason | undefined => {
    const rule = name === undefined ? undefined : ruleOf(name);
    return rule === undefined ? "function" : addByRule(source, rule, undefined, draft);
  };
  const { relationship } = node;
  if (relationship?.kind === "computed") {
    const reason = addFunction(relationship.function);
    if (reason !== undefined) return reason;
  }
  if (castsOf(node).some((cast) => !STEADY_CASTS.has(cast.toLowerCase()))) return "cast";
  for (const { column, of } of usedColumns(node)) {
    if (column.transform !== undefined) {
      const reason = addFunction(column.transform);
      if (reason !== undefined) return reason;
    }
    if (column.name === "*" || column.wholeRow || of.columns.has(column.name)) continue;
    const computed = catalog.computedColumns.get(relationKey(of))?.get(column.name);
    // Terms of a to-many spread name columns that the subquery itself made.
    if (computed === undefined && column.name.startsWith("hp.")) continue;
    const reason = computed === undefined ? "system-column" : addFunction(computed.function);
    if (reason !== undefined) return reason;
  }
  return undefined;
}

/** Every column that a node selects, tests or orders by, and of which relation it is. */
function usedColumns(node: ReadNode): readonly { readonly column: PlannedColumn; readonly of: Relation }[] {
  const relationOf = (joinAlias: string | undefined): Relation =>
    node.children.find((child) => child.joinAlias === joinAlias)?.relation ?? node.relation;
  const own = [...node.select.map(({ column }) => column), ...node.where.flatMap(columnsOf)];
  return [
    ...own.map((column) => ({ column, of: node.relation })),
    ...node.order.map(({ column, joinAlias }) => ({ column, of: relationOf(joinAlias) })),
    ...node.spreadOrder.map(({ select, relation }) => ({ column: select.column, of: relationOf(relation) })),
  ];
}

function castsOf({ select, outputs }: ReadNode): readonly string[] {
  const own = select.flatMap(({ cast, aggregateCast }) => [cast, aggregateCast]);
  const spread = outputs.flatMap((output) =>
    output.kind === "spread" ? output.fields.map((field) => field.aggregateCast) : [],
  );
  return [...own, ...spread].filter((cast) => cast !== undefined);
}

/** Casts to these read no clock; a text cast to a time may be `now`, and of types made by users nothing is known. */
const STEADY_CASTS = new Set([
  ..."text varchar int int2 int4 int8 integer bigint smallint numeric decimal float4 float8 real".split(" "),
  ..."bool boolean json jsonb uuid".split(" "),
  "character varying",
  "double precision",
]);

function columnsOf(condition: PlannedCondition): readonly PlannedColumn[] {
  if (condition.kind === "embed-null") return [];
  return condition.kind === "group" ? condition.children.flatMap(columnsOf) : [condition.column];
}

function findRelation(catalog: Catalog, { schema, name }: RelationName): Relation | undefined {
  return catalog.relations.get(schema)?.get(name);
}

function unique(values: readonly string[]): readonly string[] {
  return [...new Set(values)];
}
