/** A node of a plan, as `EXPLAIN (FORMAT JSON, VERBOSE)` tells it: what is used here. */
export interface PlanNode {
  readonly "Node Type": string;
  readonly "Parent Relationship"?: string;
  readonly "Relation Name"?: string;
  readonly Schema?: string;
  readonly Alias?: string;
  readonly "Index Name"?: string;
  readonly "Total Cost": number;
  readonly "Plan Rows": number;
  readonly Output?: readonly string[];
  readonly Filter?: string;
  readonly "Index Cond"?: string;
  readonly "Recheck Cond"?: string;
  readonly "Order By"?: string;
  readonly "Join Filter"?: string;
  readonly "Hash Cond"?: string;
  readonly "Merge Cond"?: string;
  readonly "Sort Key"?: readonly string[];
  readonly Plans?: readonly PlanNode[];
}

/** Reads what EXPLAIN answered. */
export function readPlan(answer: string): PlanNode | undefined {
  const [explained] = JSON.parse(answer) as readonly { readonly Plan?: PlanNode }[];
  return explained?.Plan;
}

/** A node, its ancestors (the nearest first) and how often it runs, by the planner's own estimates. */
export interface Visit {
  readonly node: PlanNode;
  readonly ancestors: readonly PlanNode[];
  readonly loops: number;
}

/** Every node, parents first. */
export function* visit(node: PlanNode, ancestors: readonly PlanNode[] = [], loops = 1): Generator<Visit> {
  yield { node, ancestors, loops };
  const children = node.Plans ?? [];
  for (const [at, child] of children.entries()) {
    const relationship = child["Parent Relationship"];
    const outer = children[at - 1];
    const isInner = node["Node Type"] === "Nested Loop" && relationship === "Inner" && outer !== undefined;
    const times = isInner ? outer["Plan Rows"] : relationship === "SubPlan" ? node["Plan Rows"] : 1;
    yield* visit(child, [node, ...ancestors], loops * Math.max(1, times));
  }
}

/** Names of the indexes that a plan uses. */
export function indexesOf(plan: PlanNode): ReadonlySet<string> {
  const names = new Set<string>();
  for (const { node } of visit(plan)) if (node["Index Name"] !== undefined) names.add(node["Index Name"]);
  return names;
}
