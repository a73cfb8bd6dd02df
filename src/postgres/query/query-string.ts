import { DialectError } from "../dialect-error.ts";
import { filterOrArgument, listValue } from "./grammar-filter.ts";
import { run } from "./parser-combinators.ts";

/** One `name=value` of a query string, decoded. */
export interface QueryParameter {
  readonly name: string;
  readonly value: string;
  /** There was a `=`. The dialect ignores names without one. */
  readonly hasValue: boolean;
}

/**
 * Decodes a query string as HTML forms write it: `+` is a space, bad escapes become U+FFFD.
 *
 * @throws DialectError 22021 for a NUL, which no text of PostgreSQL can hold.
 */
export function parseQueryString(query: string): readonly QueryParameter[] {
  if (query === "") return [];
  if (query.includes("%00")) throw zeroByte();
  const parameters: QueryParameter[] = [];
  for (const pair of query.split("&")) {
    if (pair === "") continue;
    const equals = pair.indexOf("=");
    const name = decode(equals === -1 ? pair : pair.slice(0, equals));
    parameters.push({ name, value: equals === -1 ? "" : decode(pair.slice(equals + 1)), hasValue: equals !== -1 });
  }
  return parameters;
}

/** A NUL in a request's text, refused in the words of the database. */
export function zeroByte(): DialectError {
  return new DialectError("22021", 400, 'invalid byte sequence for encoding "UTF8": 0x00');
}

function decode(text: string): string {
  if (!text.includes("%") && !text.includes("+")) return text;
  const spaced = text.replaceAll("+", " ");
  try {
    return decodeURIComponent(spaced);
  } catch {
    // Invalid UTF-8 or a stray percent sign: keep what can be read.
    const bytes = spaced.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
    return Buffer.from(bytes, "latin1").toString("utf8");
  }
}

/**
 * What two requests must share so that one compiled statement serves both: everything but the operands of plain
 * filters. `operands[i]` is what parameter `i` supplies, absent where the whole parameter belongs to the shape.
 */
export interface QueryShape {
  readonly key: string;
  readonly operands: readonly (string | undefined)[];
}

/** As `parseQuery` tells them apart: the first three are so at the root alone, below it they are columns. */
const RESERVED = /^(?:select|columns|on_conflict)$|(?:^|\.)(?:order|limit|offset|and|or)$/;
const OPERATOR =
  /^(?:not\.)?(?:(?:eq|gte|gt|lte|lt|i?like|i?match)(?:\((?:any|all)\))?|isdistinct|neq|cs|cd|ov|sl|sr|nxr|nxl|adj|in)\./;

/** Whether a value is an operator with its operand, which is no part of a request's shape. */
export function isOperation(value: string): boolean {
  return OPERATOR.test(value);
}

/** @param takesArguments parameters that are no filters are arguments of a function, whose values are operands, too. */
export function shapeOf(parameters: readonly QueryParameter[], takesArguments = false): QueryShape {
  let key = "";
  const operands: (string | undefined)[] = [];
  for (const { name, value, hasValue } of parameters) {
    const isReserved = RESERVED.test(name);
    const prefix = isReserved ? undefined : OPERATOR.exec(value)?.[0];
    // NUL separates: `parseQueryString` refuses it, so no name or value can forge a boundary.
    if (prefix !== undefined) {
      key += `\0${name}\0?${prefix}`;
      operands.push(value.slice(prefix.length));
    } else if (takesArguments && hasValue && !isReserved && isArgument(value)) {
      key += `\0${name}\0!`;
      operands.push(value);
    } else {
      key += `\0${name}\0=${value}`;
      operands.push(undefined);
    }
  }
  return { key, operands };
}

/** Nearly all arguments are told from filters by their first letters. */
const MAYBE_FILTER = /^(?:not|is|[a-z]*fts)[.(]/;

function isArgument(value: string): boolean {
  if (!MAYBE_FILTER.test(value)) return true;
  const parsed = run(filterOrArgument, value);
  return "value" in parsed && parsed.value === undefined;
}

/** How an operand becomes a parameter of the statement. */
export type OperandUse = "text" | "pattern" | "list";

/** The parameter's text, or undefined when the operand is not of the form that the shape promised. */
export function bindOperand(operand: string, use: OperandUse): string | undefined {
  if (use === "text") return operand;
  if (use === "pattern") return operand.replaceAll("*", "%");
  const items = listItems(operand);
  return items === undefined ? undefined : listLiteral(items);
}

/** The values of `in.(…)`, from the bracket on; `undefined` when it is not a list. */
export function listItems(operand: string): readonly string[] | undefined {
  const parsed = run(listValue, operand);
  return "value" in parsed ? parsed.value : undefined;
}

/** The operand of `in`. The list of one empty text is the empty list, as the dialect has it. */
export function listLiteral(values: readonly string[]): string {
  return values.length === 1 && values[0] === "" ? "{}" : arrayLiteral(values);
}

/** A PostgreSQL array literal of texts. */
export function arrayLiteral(values: readonly string[]): string {
  return `{${values.map((value) => `"${value.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`).join(",")}}`;
}
