import type { Field, JsonStep } from "./ast.ts";
import {
  anyChar,
  attempt,
  between,
  char,
  choice,
  digit,
  end,
  followedBy,
  label,
  letter,
  literal,
  lookAhead,
  many,
  many1,
  map,
  noneOf,
  notFollowedBy,
  oneOf,
  optional,
  preceded,
  separated1,
  sequence,
  type Parser,
} from "./parser-combinators.ts";

/**
 * The words of the dialect's query parameters (PostgREST 14, "Tables and Views" and "Resource Embedding"). Here and in
 * the grammars that stand on it, alternatives stand in the order in which their failures are reported.
 */

export const join = (characters: readonly string[]): string => characters.join("");
const spaces = many(oneOf(" \t"));
export const lexeme = <T>(parser: Parser<T>): Parser<T> => between(spaces, spaces, parser);
export const delimiter = label("delimiter (.)", char("."));

export const quotedValue: Parser<string> = between(
  char('"'),
  char('"'),
  map(many(choice(noneOf('\\"'), preceded(char("\\"), anyChar))), join),
);

export const identifier: Parser<string> = map(many1(choice(letter, digit, oneOf("_ $"))), (characters) =>
  join(characters).trim(),
);

/** Parts joined by single dashes; `->` begins a JSON path instead. */
const dashed = (part: Parser<string>): Parser<string> =>
  map(separated1(part, attempt(followedBy(char("-"), notFollowedBy(char(">"))))), (parts) => parts.join("-"));

export const fieldName: Parser<string> = label(
  "field name (* or [a..z0..9_$])",
  choice(quotedValue, dashed(identifier)),
);

const jsonKey: Parser<string> = label(
  "any non reserved character different from: .,>()",
  choice(quotedValue, dashed(map(many1(noneOf("(-:.,>)")), (characters) => join(characters).trim()))),
);

const jsonIndex: Parser<number> = followedBy(
  map(sequence<[string | undefined, readonly string[]]>(optional(char("-")), many1(digit)), ([sign, digits]) =>
    Number(`${sign ?? ""}${join(digits)}`),
  ),
  choice(
    attempt(lookAhead(literal("->"))),
    attempt(lookAhead(literal("::"))),
    attempt(lookAhead(literal("."))),
    attempt(lookAhead(literal(","))),
    attempt(end),
  ),
);

export const jsonStep: Parser<JsonStep> = map(
  sequence<["->" | "->>", JsonStep["operand"]]>(
    choice(attempt(literal<"->" | "->>">("->>", "->>")), attempt(literal<"->" | "->>">("->", "->"))),
    choice<JsonStep["operand"]>(
      attempt(map(jsonIndex, (index) => ({ index }))),
      attempt(map(jsonKey, (key) => ({ key }))),
    ),
  ),
  ([arrow, operand]) => ({ arrow, operand }),
);

export const field: Parser<Field> = lexeme(
  map(sequence<[string, readonly JsonStep[]]>(fieldName, many(jsonStep)), ([name, path]) => ({ name, path })),
);

const aliasSeparator = sequence(char(":"), notFollowedBy(char(":")));
export const alias = optional(attempt(followedBy(fieldName, aliasSeparator)));
export const cast = optional(preceded(literal("::"), identifier));

/** `columns=` and `on_conflict=` */
export const columnList: Parser<readonly string[]> = separated1(fieldName, lexeme(char(",")));
