import { type ExactType, exactTypeOf } from "../changes/canonical-value.ts";
import { childOf, childrenOf, nodesOf, parseTree, type TreeNode, wordOf } from "./node-tree.ts";

/** A relation that a statement reads, and what it demands of its rows. */
export interface RelationRead {
  readonly oid: number;
  readonly equalities: readonly AttributeEquality[];
}

/** Rows count only where the column has the value of a parameter. */
export interface AttributeEquality {
  /** `pg_attribute.attnum` */
  readonly attribute: number;
  readonly type: ExactType;
  /** From 0. */
  readonly parameter: number;
}

/**
 * Every relation that a statement's tree names, at whatever depth. The rows that a query takes from a relation meet all conditions of its
 * `WHERE` and of its inner joins, so those without the value of an equality among them cannot change what it answers.
 */
export function readsOf(tree: string): readonly RelationRead[] {
  const root = parseTree(tree);
  if (root === undefined) return [];
  return [...nodesOf(root)].filter(({ name }) => name === "QUERY").flatMap(readsOfQuery);
}

function readsOfQuery(query: TreeNode): RelationRead[] {
  const from = childOf(query, "jointree");
  const conditions = from === undefined ? [] : [...conjuncts(childOf(from, "quals")), ...joinConditions(from)];
  const byRelation = equalitiesOf(conditions);
  return childrenOf(query, "rtable").flatMap((entry, place) => {
    if (wordOf(entry, "rtekind") !== RELATION) return [];
    // What a statement writes to is in the list, too; a statement that is cached writes nothing.
    return [{ oid: Number(wordOf(entry, "relid")), equalities: byRelation.get(place + 1) ?? [] }];
  });
}

/** Conditions of inner joins that no outer join is above. */
function joinConditions(from: TreeNode): TreeNode[] {
  const parts = from.name === "FROMEXPR" ? childrenOf(from, "fromlist") : sidesOf(from);
  return parts.flatMap((part) => {
    if (part.name !== "JOINEXPR" || wordOf(part, "jointype") !== INNER) return [];
    return [...conjuncts(childOf(part, "quals")), ...joinConditions(part)];
  });
}

function sidesOf(join: TreeNode): readonly TreeNode[] {
  return [childOf(join, "larg"), childOf(join, "rarg")].filter((side) => side !== undefined);
}

/** Conditions that must all hold. */
function conjuncts(condition: TreeNode | undefined): TreeNode[] {
  if (condition === undefined) return [];
  const isAnd = condition.name === "BOOLEXPR" && wordOf(condition, "boolop") === "and";
  return isAnd ? childrenOf(condition, "args").flatMap((part) => conjuncts(part)) : [condition];
}

/** A column of one of the query's own relations. */
interface ColumnOperand {
  readonly relation: number;
  readonly attribute: number;
  readonly type: ExactType;
}

type Operand = ColumnOperand | { readonly parameter: number; readonly type: ExactType };

/** `column = $1`, and `column = other` of which the other is so fixed: by relation. */
function equalitiesOf(conditions: readonly TreeNode[]): ReadonlyMap<number, readonly AttributeEquality[]> {
  const found = new Map<number, AttributeEquality[]>();
  const joins: (readonly [ColumnOperand, ColumnOperand])[] = [];
  const add = (column: ColumnOperand, parameter: number): boolean => {
    const known = found.get(column.relation) ?? [];
    if (known.some((each) => each.attribute === column.attribute && each.parameter === parameter)) return false;
    found.set(column.relation, [...known, { attribute: column.attribute, type: column.type, parameter }]);
    return true;
  };
  for (const condition of conditions) {
    if (condition.name !== "OPEXPR" || !EQUALITIES.has(Number(wordOf(condition, "opno")))) continue;
    const [one, other] = childrenOf(condition, "args").map(toOperand);
    if (one === undefined || other === undefined || one.type !== other.type) continue;
    if ("parameter" in one && "relation" in other) add(other, one.parameter);
    else if ("relation" in one && "parameter" in other) add(one, other.parameter);
    else if ("relation" in one && "relation" in other) joins.push([one, other], [other, one]);
  }
  for (let isMoving = joins.length > 0; isMoving;) {
    isMoving = false;
    for (const [from, to] of joins) {
      for (const { attribute, parameter } of found.get(from.relation) ?? []) {
        if (attribute === from.attribute && add(to, parameter)) isMoving = true;
      }
    }
  }
  return found;
}

function toOperand(node: TreeNode): Operand | undefined {
  // A type seen as another that is stored alike: `varchar` as `text`.
  if (node.name === "RELABELTYPE") {
    const inner = childOf(node, "arg");
    return inner === undefined ? undefined : toOperand(inner);
  }
  if (node.name === "PARAM") {
    const type = exactTypeOf(Number(wordOf(node, "paramtype")));
    const isGiven = wordOf(node, "paramkind") === EXTERNAL;
    return isGiven && type !== undefined ? { parameter: Number(wordOf(node, "paramid")) - 1, type } : undefined;
  }
  if (node.name !== "VAR" || wordOf(node, "varlevelsup") !== "0") return undefined;
  const type = exactTypeOf(Number(wordOf(node, "vartype")));
  const attribute = Number(wordOf(node, "varattno"));
  if (type === undefined || attribute < 1) return undefined;
  return { relation: Number(wordOf(node, "varno")), attribute, type };
}

/** `RTE_RELATION`, `JOIN_INNER`, `PARAM_EXTERN` (nodes.h, parsenodes.h, primnodes.h). */
const RELATION = "0";
const INNER = "0";
const EXTERNAL = "0";

/**
 * The operators `=` of the exact types (pg_operator.dat), whose numbers never change: of whole numbers of 2, 4 and 8 bytes among each other,
 * of texts, UUIDs, truth values and dates.
 */
const EQUALITIES: ReadonlySet<number> = new Set([94, 96, 410, 532, 533, 15, 416, 1862, 1868, 98, 2972, 91, 1093]);
