import type { Client, QueryConfig } from "pg";
import { indexesOf, type PlanNode, readPlan, visit } from "./plan-tree.ts";
import { tokenize } from "./tokens.ts";
import type { LoadedStatement } from "./workload.ts";

/** What a statement would cost, by the planner. */
export interface Planned {
  /** Mean over the values it is planned for. */
  readonly cost: number;
  readonly indexes: ReadonlySet<string>;
}

/** Asks the planner about statements, none of which is run. */
export interface Planner {
  /**
   * The plan for any values, where those that are always the same are written out.
   *
   * @throws what the database says of the statement
   */
  shape(statement: LoadedStatement): Promise<PlanNode>;
  cost(statement: LoadedStatement): Promise<Planned>;
}

/** @param client a connection of its own, on which `plan_cache_mode` is set */
export function createPlanner(client: Client): Planner {
  const ask = async (text: string, values?: readonly (string | null)[]): Promise<string[]> => {
    const answer = await client.query<string[]>({
      text,
      ...(values && { values: [...values] }),
      rowMode: "array",
      types: TEXTS,
    });
    return answer.rows.map(([field]) => field ?? "");
  };
  const generic = async (text: string): Promise<PlanNode> => {
    // By the extended protocol, which takes one statement and no more, whatever the text holds.
    const prepare: QueryConfig & { queryMode: "extended" } = {
      text: `prepare hotpath_advise as ${text}`,
      queryMode: "extended",
    };
    await client.query<never[]>(prepare);
    try {
      const [count] = await ask(
        "select cardinality(parameter_types)::text from pg_prepared_statements where name = 'hotpath_advise'",
      );
      const nulls = Array.from({ length: Number(count) }, () => "null").join(", ");
      return planOf(await ask(`explain (format json, verbose) execute hotpath_advise${nulls && `(${nulls})`}`));
    } finally {
      await client.query("deallocate hotpath_advise").catch(() => undefined);
    }
  };
  return {
    shape: async (statement) => generic(withFixed(statement)),
    async cost(statement) {
      const { text, values, rows } = statement;
      const plans: PlanNode[] = [];
      if (values === undefined || values.length === 0) plans.push(await generic(text));
      else for (const each of values) plans.push(planOf(await ask(`explain (format json, verbose) ${text}`, each)));
      const cost = plans.reduce((sum, plan) => sum + costOf(plan, rows), 0) / plans.length;
      return { cost, indexes: new Set(plans.flatMap((plan) => [...indexesOf(plan)])) };
    },
  };
}

/**
 * What a plan costs when it is known how many rows come of it. Of a value it does not know, the planner assumes that a pattern or a
 * containment finds one row in two hundred, and then charges an index for fetching all of these.
 */
function costOf(plan: PlanNode, rows: number | undefined): number {
  const nodes = [...visit(plan)].map(({ node }) => node);
  const scans = nodes.filter((node) => node["Relation Name"] !== undefined);
  const [scan] = scans;
  const isPlain = nodes.every(({ "Node Type": type }) => HANDS_ON.has(type));
  if (rows === undefined || scan === undefined || scans.length > 1 || !isPlain || scan.Filter !== undefined)
    return plan["Total Cost"];
  const found = (scan.Plans ?? []).reduce((sum, child) => sum + child["Total Cost"], 0);
  const fetched =
    Math.max(0, scan["Total Cost"] - found) * Math.max(0, 1 - Math.max(1, rows) / Math.max(1, scan["Plan Rows"]));
  return plan["Total Cost"] - fetched;
}

/** Nodes that neither lose rows nor make some. A scan of the whole table is not among them: it costs the same whatever it finds. */
const HANDS_ON: ReadonlySet<string> = new Set([
  "Sort",
  "Bitmap Heap Scan",
  "Bitmap Index Scan",
  "Index Scan",
  "Index Only Scan",
  "Subquery Scan",
  "Result",
]);

function planOf([answer = ""]: readonly string[]): PlanNode {
  const plan = readPlan(answer);
  if (plan === undefined) throw new Error("the statement has no plan");
  return plan;
}

const TEXTS = { getTypeParser: () => (text: string) => text };

/** Parameters that never differ as texts, the others numbered anew. */
function withFixed({ text, fixed }: LoadedStatement): string {
  return fixed === undefined || fixed.size === 0 ? text : replaceParameters(text, (number) => fixed.get(number - 1));
}

/** Puts texts in place of parameters; those for which there is none are numbered anew, without gaps. */
export function replaceParameters(text: string, literal: (number: number) => string | undefined): string {
  const numbers = new Map<number, number>();
  let made = "";
  let at = 0;
  for (const token of tokenize(text)) {
    if (token.kind !== "parameter") continue;
    const number = Number(token.text.slice(1));
    const given = literal(number);
    let word: string;
    if (given !== undefined) word = quoteText(given);
    else {
      if (!numbers.has(number)) numbers.set(number, numbers.size + 1);
      word = `$${numbers.get(number)}`;
    }
    made += text.slice(at, token.start) + word;
    at = token.end;
  }
  return made + text.slice(at);
}

function quoteText(text: string): string {
  const quoted = `'${text.replaceAll("'", "''")}'`;
  return text.includes("\\") ? ` E${quoted.replaceAll("\\", "\\\\")}` : quoted;
}
