import type { Client, QueryConfig } from "pg";
import { indexesOf, type PlanNode, readPlan } from "./plan-tree.ts";
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
      const { text, values } = statement;
      const plans: PlanNode[] = [];
      if (values === undefined || values.length === 0) plans.push(await generic(text));
      else for (const each of values) plans.push(planOf(await ask(`explain (format json, verbose) ${text}`, each)));
      const cost = plans.reduce((sum, plan) => sum + plan["Total Cost"], 0) / plans.length;
      return { cost, indexes: new Set(plans.flatMap((plan) => [...indexesOf(plan)])) };
    },
  };
}

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
