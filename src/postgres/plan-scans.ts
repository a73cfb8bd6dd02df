/** A sequential scan that keeps some of the rows it reads. */
export interface Scan {
  readonly schema: string;
  readonly relation: string;
  /** Rows that the planner expects to be kept. */
  readonly kept: number;
  /** As PostgreSQL words it, with the alias before each column. */
  readonly filter: string;
  /** What may be columns of it. */
  readonly names: readonly string[];
}

/** A node of `EXPLAIN (FORMAT JSON, VERBOSE)`, as far as it is looked at. */
interface PlanNode {
  readonly "Node Type"?: string;
  readonly "Relation Name"?: string;
  readonly Schema?: string;
  readonly Alias?: string;
  readonly Filter?: string;
  readonly "Plan Rows"?: number;
  readonly Plans?: readonly PlanNode[];
}

/** The sequential scans with a filter of a plan. */
export function findScans(plan: string): readonly Scan[] {
  const found: Scan[] = [];
  const waiting = (JSON.parse(plan) as readonly { readonly Plan?: PlanNode }[]).flatMap(({ Plan }) => Plan ?? []);
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    waiting.push(...(node.Plans ?? []));
    const { "Node Type": type, "Relation Name": relation, Schema: schema, Filter: filter } = node;
    if (type !== "Seq Scan" || relation === undefined || schema === undefined || filter === undefined) continue;
    found.push({
      schema,
      relation,
      filter,
      kept: node["Plan Rows"] ?? 0,
      names: namesIn(filter, node.Alias ?? relation),
    });
  }
  return found;
}

/** Names behind the alias: `orders.user_id`, `orders."userId"`, `(orders.note)::text`. */
function namesIn(filter: string, alias: string): readonly string[] {
  const names = new Set<string>();
  for (const [, before = "", quotedBefore, name = "", quoted] of filter.matchAll(QUALIFIED)) {
    if (unquote(before, quotedBefore) === alias) names.add(unquote(name, quoted));
  }
  return [...names];
}

const QUALIFIED = /(?<![\w".])(?:([a-z_][\w$]*)|"((?:[^"]|"")+)")\.(?:([a-z_][\w$]*)|"((?:[^"]|"")+)")/g;

function unquote(plain: string, quoted: string | undefined): string {
  return quoted === undefined ? plain : quoted.replaceAll('""', '"');
}
