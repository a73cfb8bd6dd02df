import { DialectError } from "../dialect-error.ts";
import type { Addressed, Filter, GivenArgument, LogicTree, Operation, OrderTerm, QueryTree, RowRange } from "./ast.ts";
import {
  filterOperation,
  filterOrArgument,
  logicPath,
  logicTree,
  type ParsedOperation,
  treePath,
} from "./grammar-filter.ts";
import { orderList } from "./grammar-order.ts";
import { selectList } from "./grammar-select.ts";
import { columnList } from "./grammar-tokens.ts";
import { type Parser, run } from "./parser-combinators.ts";
import type { QueryParameter } from "./query-string.ts";

/**
 * Parses query parameters into what they ask for.
 *
 * @param takesArguments parameters without an operator are arguments of a function rather than errors.
 * @throws DialectError PGRST100, worded as the dialect does.
 */
export function parseQuery(parameters: readonly QueryParameter[], takesArguments = false): QueryTree {
  const given = parameters.map((parameter, index) => ({ ...parameter, index })).filter(({ hasValue }) => hasValue);
  const ending = (...words: readonly string[]) => given.filter(({ name }) => words.includes(lastWord(name)));
  const first = (name: string) => given.find((parameter) => parameter.name === name)?.value;

  const order = ending("order").map(parseOrder);
  const logic = ending("and", "or").map(parseLogic);
  const columns = first("columns");
  const select = first("select") ?? "*";
  const parsedColumns = columns === undefined ? undefined : parseColumns(columns);
  refuseDeep(select);
  const parsedSelect = parseText(selectList, `select parameter (${select})`, select);

  const filters: Addressed<Filter>[] = [];
  const functionArguments: GivenArgument[] = [];
  for (const parameter of given) {
    if (EMBEDDABLE.has(lastWord(parameter.name)) || ROOT_ONLY.has(parameter.name)) continue;
    const parsed = parseFilter(parameter, takesArguments ? filterOrArgument : filterOperation);
    if ("item" in parsed) filters.push(parsed);
    else functionArguments.push(parsed);
  }
  const conflict = first("on_conflict");
  return {
    select: parsedSelect,
    filters,
    logic,
    order,
    ranges: parseRanges(ending("limit"), ending("offset")),
    ...(parsedColumns === undefined ? {} : { columns: parsedColumns }),
    ...(conflict === undefined
      ? {}
      : { onConflict: parseText(columnList, `on_conflict parameter (${conflict})`, conflict) }),
    arguments: functionArguments,
  };
}

/**
 * Parses the value of `columns`.
 *
 * @throws DialectError PGRST100.
 */
export function parseColumns(columns: string): readonly string[] {
  return parseText(columnList, `columns parameter (${columns})`, columns);
}

type Given = QueryParameter & { readonly index: number };

const EMBEDDABLE = new Set(["order", "limit", "offset", "and", "or"]);
const ROOT_ONLY = new Set(["select", "columns", "on_conflict"]);

function lastWord(name: string): string {
  return name.slice(name.lastIndexOf(".") + 1);
}

function parseOrder({ name, value }: Given): Addressed<readonly OrderTerm[]> {
  const { path } = parseText(treePath, `tree path (${name})`, name);
  return { path, item: parseText(orderList, `order (${value})`, value) };
}

function parseLogic({ name, value }: Given): Addressed<LogicTree> {
  const { path, operator } = parseText(logicPath, `logic path (${name})`, name);
  refuseDeep(value);
  // The operator joins the value so that one rule reads `or=(…)` and a nested `or(…)` alike; columns count in the joined text.
  return { path, item: parseText(logicTree, `logic tree (${value})`, operator + value) };
}

function parseFilter(
  { name, value, index }: Given,
  parser: Parser<ParsedOperation | undefined>,
): Addressed<Filter> | GivenArgument {
  const { path, field } = parseText(treePath, `tree path (${name})`, name);
  const parsed = parseText(parser, `filter (${value})`, value);
  if (parsed === undefined) return { name: field.name, parameter: index };
  const { negated, operation } = parsed;
  return { path, item: { kind: "filter", field, negated, operation: located(operation, index) } };
}

/** Marks operands that are the tail of parameter `index`, for reuse of the compiled statement. */
function located(operation: Operation, index: number): Operation {
  if (operation.kind === "in") return { ...operation, parameter: index };
  if (operation.kind === "compare" || operation.kind === "distinct") {
    return { ...operation, value: { ...operation.value, parameter: index } };
  }
  return operation;
}

function parseRanges(limits: readonly Given[], offsets: readonly Given[]): readonly Addressed<RowRange>[] {
  const ranges = new Map<string, { limit?: number; offset: number }>();
  // Of a repeated parameter the last counts.
  for (const { name, value } of limits) {
    const limit = parseInteger(value);
    if (limit !== undefined) ranges.set(name, { limit, offset: 0 });
    else ranges.set(name, { offset: 0 });
  }
  for (const { name, value } of offsets) {
    const key = `${name.slice(0, -"offset".length)}limit`;
    const offset = Math.max(0, parseInteger(value) ?? 0);
    ranges.set(key, { ...ranges.get(key), offset });
  }
  return [...ranges].map(([name, item]) => ({ path: parseText(treePath, `tree path (${name})`, name).path, item }));
}

function parseInteger(text: string): number | undefined {
  const number = /^\s*-?\d+\s*$/.test(text) ? Number(text) : Number.NaN;
  return Number.isSafeInteger(number) ? number : undefined;
}

function parseText<T>(parser: Parser<T>, what: string, text: string): T {
  const parsed = run(parser, text);
  if ("value" in parsed) return parsed.value;
  throw syntaxError(what, text, parsed);
}

/** Embeds and groups inside each other: far more than anybody writes, and few enough for the stack here and in the database. */
const MAX_NESTING = 100;

/** @throws DialectError PGRST100 for text with more open brackets than may be nested. */
function refuseDeep(text: string): void {
  let open = 0;
  for (const character of text) {
    if (character === ")") open -= 1;
    if (character !== "(" || ++open <= MAX_NESTING) continue;
    throw new DialectError("PGRST100", 400, "the query is nested too deeply", {
      details: `More than ${MAX_NESTING} brackets are open at once.`,
    });
  }
}

function syntaxError(what: string, text: string, failure: { position: number; message: string }): DialectError {
  const before = text.slice(0, failure.position);
  const line = before.split("\n").length;
  const column = Array.from(before.slice(before.lastIndexOf("\n") + 1)).length + 1;
  return new DialectError("PGRST100", 400, `"failed to parse ${what}" (line ${line}, column ${column})`, {
    details: failure.message,
  });
}
