import type { Column, Relation, Routine } from "../catalog/types.ts";
import type { PlannedCondition } from "../query/plan.ts";
import { namesMoment } from "./canonical-value.ts";

/** Notes the parameters of filters whose column may hold a time, and refuses fixed texts that name one. */
export function addMoments(
  relation: Relation,
  conditions: readonly PlannedCondition[],
  moments: number[],
): "time" | undefined {
  for (const condition of conditions) {
    if (condition.kind === "embed-null") continue;
    if (condition.kind === "group") {
      const found = addMoments(relation, condition.children, moments);
      if (found !== undefined) return found;
      continue;
    }
    const { column, operation } = condition;
    if (column.path.length > 0 || isTimeless(relation.columns.get(column.name))) continue;
    if (operation.kind === "is" || operation.kind === "search") continue;
    const parameter = operation.kind === "in" ? operation.parameter : operation.value.parameter;
    if (parameter !== undefined) moments.push(parameter);
    else if ((operation.kind === "in" ? operation.values : [operation.value.text]).some(namesMoment)) return "time";
  }
  return undefined;
}

function isTimeless(column: Column | undefined): boolean {
  return column !== undefined && (TIMELESS_CATEGORIES.has(column.category) || TIMELESS_TYPES.has(column.baseType));
}

/** Truth values, enumerations, numbers, texts. */
const TIMELESS_CATEGORIES = new Set(["B", "E", "N", "S"]);
const TIMELESS_TYPES = new Set(["uuid", "json", "jsonb", "bytea", "tsvector", "xml"]);

/** The arguments of a function that may name a moment, by their parameters' names. */
export function momentArguments(routine: Routine): ReadonlySet<string> {
  return new Set(routine.parameters.filter(({ type }) => !TIMELESS_ARGUMENTS.has(type)).map(({ name }) => name));
}

/** What a text means inside of the function is for whoever declares what it depends on. */
const TIMELESS_ARGUMENTS = new Set([
  ..."smallint integer bigint numeric real boolean uuid text character bytea json jsonb xml".split(" "),
  "double precision",
  "character varying",
]);
