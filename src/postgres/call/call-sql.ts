import type { Routine, RoutineParameter } from "../catalog/types.ts";
import { identifier, qualified, type SqlWriter } from "../query/sql-text.ts";
import { VALUE_COLUMN } from "./result-relation.ts";

/** Where a call's arguments come from. */
export type CallArguments =
  /** Parameters of the request, by the name of the argument: those of its query, or the fields of its form. */
  | { readonly kind: "parameters"; readonly places: ReadonlyMap<string, readonly number[]> }
  /** A JSON object in the content, or the first one in its array. */
  | { readonly kind: "json"; readonly names: ReadonlySet<string>; readonly isArray: boolean }
  /** The content itself. */
  | { readonly kind: "content" };

/** Name of the common table expression that holds a call's results. */
export const CALL_SOURCE = { name: "hp.call" } as const;

const CALL = identifier("hp.function");
const GIVEN = identifier("hp.arguments");

/**
 * The SELECT that calls the function and answers its rows, with further columns computed of them; or its values as one column.
 *
 * Types and names are the catalog's; what the request gave goes through parameters.
 */
export function callSql(
  writer: SqlWriter,
  routine: Routine,
  given: CallArguments,
  computed: readonly string[] = [],
): string {
  const called = `${qualified(routine)}(${argumentList(writer, routine, given).join(", ")})`;
  const from = given.kind === "json" && given.names.size > 0 ? jsonArguments(writer, routine, given) : undefined;
  if (routine.returns.kind !== "composite") {
    return `SELECT ${called} AS ${identifier(VALUE_COLUMN)}${from === undefined ? "" : ` FROM ${from}`}`;
  }
  const columns = [`${CALL}.*`, ...computed.map((name) => `${CALL}.${identifier(name)}`)];
  const lateral = from === undefined ? called : `${from} CROSS JOIN LATERAL ${called}`;
  return `SELECT ${columns.join(", ")} FROM ${lateral} AS ${CALL}`;
}

function argumentList(writer: SqlWriter, { parameters }: Routine, given: CallArguments): readonly string[] {
  if (given.kind === "content") return [`${writer.bind({ kind: "content" })}::${parameters[0]?.declaredType}`];
  if (given.kind === "json") {
    return parameters.flatMap((parameter) => {
      return given.names.has(parameter.name) ? named(parameter, `${GIVEN}.${identifier(parameter.name)}`) : [];
    });
  }
  return parameters.flatMap((parameter) => {
    const places = given.places.get(parameter.name);
    if (places === undefined) return [];
    return named(parameter, `${bindPlaces(writer, parameter, places)}::${parameter.declaredType}`);
  });
}

function named({ name, variadic }: RoutineParameter, value: string): string {
  return `${variadic ? "VARIADIC " : ""}${identifier(name)} => ${value}`;
}

/** A variadic parameter takes all that was given under its name, any other the last. */
function bindPlaces(writer: SqlWriter, { variadic }: RoutineParameter, places: readonly number[]): string {
  if (variadic) return writer.bind({ kind: "operands", parameters: places });
  return writer.bind({ kind: "operand", parameter: places.at(-1) ?? -1, use: "text" });
}

/** The arguments as a row, each converted as PostgreSQL converts JSON to its type. */
function jsonArguments(
  writer: SqlWriter,
  { parameters }: Routine,
  { names, isArray }: Extract<CallArguments, { kind: "json" }>,
): string {
  const columns = parameters
    .filter(({ name }) => names.has(name))
    .map(({ name, declaredType }) => `${identifier(name)} ${declaredType}`);
  const content = `${writer.bind({ kind: "content" })}::json`;
  if (!isArray) return `json_to_record(${content}) AS ${GIVEN}(${columns.join(", ")})`;
  const first = `SELECT * FROM json_to_recordset(${content}) AS ${GIVEN}(${columns.join(", ")}) LIMIT 1`;
  return `(${first}) AS ${GIVEN}`;
}
