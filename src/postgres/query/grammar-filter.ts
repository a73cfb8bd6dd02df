import type {
  CompareOperator,
  Field,
  Filter,
  IsLiteral,
  JsonStep,
  LogicTree,
  Operation,
  Quantifier,
  SearchOperator,
} from "./ast.ts";
import { join, lexeme, delimiter, quotedValue, identifier, fieldName, jsonStep, field } from "./grammar-tokens.ts";
import {
  anyChar,
  attempt,
  between,
  char,
  choice,
  followedBy,
  label,
  lazy,
  literal,
  many,
  map,
  noneOf,
  notFollowedBy,
  optional,
  preceded,
  separated1,
  sequence,
  succeed,
  type Parser,
} from "./parser-combinators.ts";

/** `clients.projects.name->>key`: the embeds on the way, then the field. */
export const treePath: Parser<{ path: readonly string[]; field: Field }> = map(
  sequence<[readonly string[], readonly JsonStep[]]>(separated1(fieldName, delimiter), many(jsonStep)),
  ([names, path]) => ({ path: names.slice(0, -1), field: { name: names.at(-1) ?? "", path } }),
);

/** `clients.not.or`: the embeds on the way, then the operator, negated when `not` stands among the names. */
export const logicPath: Parser<{ path: readonly string[]; operator: string }> = map(
  separated1(fieldName, delimiter),
  (names) => {
    const operator = names.at(-1) ?? "";
    return {
      path: names.slice(0, -1).filter((name) => name !== "not"),
      operator: names.includes("not") ? `not.${operator}` : operator,
    };
  },
);

const anyCase = (word: string): Parser<string> =>
  map(sequence<readonly string[]>(...word.split("").map((c) => choice(char(c), char(c.toUpperCase())))), join);

const isLiteral: Parser<IsLiteral> = label(
  "isVal: (null, not_null, true, false, unknown)",
  choice<IsLiteral>(
    ...(["null", "not_null", "true", "false", "unknown"] as const).map((word) =>
      attempt(map(anyCase(word), () => word)),
    ),
  ),
);

const listElement: Parser<string> = choice(
  attempt(followedBy(quotedValue, notFollowedBy(noneOf(",)")))),
  map(many(noneOf(",)")), join),
);

/** `(a,"b,c",d)` */
export const listValue: Parser<readonly string[]> = between(
  lexeme(char("(")),
  lexeme(char(")")),
  separated1(listElement, char(",")),
);

const oneOperator = <T extends string>(words: readonly T[]): Parser<T> =>
  label("unknown single value operator", choice(...words.map((word) => attempt(literal<T>(word, word)))));

const quantifier: Parser<Quantifier | undefined> = optional(
  attempt(between(char("("), char(")"), choice<Quantifier>(attempt(literal("any", "any")), literal("all", "all")))),
);

const searchLanguage = optional(attempt(between(char("("), char(")"), identifier)));

const operation = (value: Parser<string>): Parser<Operation> => {
  const text = map(value, (string) => ({ text: string }));
  return label(
    "operator (eq, gt, ...)",
    choice<Operation>(
      map(preceded(attempt(sequence(literal("in"), delimiter)), listValue), (values) => ({ kind: "in", values })),
      map(preceded(attempt(sequence(literal("is"), delimiter)), isLiteral), (word) => ({ kind: "is", literal: word })),
      map(preceded(attempt(sequence(literal("isdistinct"), delimiter)), text), (given) => ({
        kind: "distinct",
        value: given,
      })),
      attempt(
        map(
          sequence<[SearchOperator, string | undefined, string, { text: string }]>(
            choice<SearchOperator>(
              ...(["fts", "plfts", "phfts", "wfts"] as const).map((word) => attempt(literal(word, word))),
            ),
            searchLanguage,
            delimiter,
            text,
          ),
          ([operator, language, , given]) => ({
            kind: "search",
            operator,
            value: given,
            ...(language === undefined ? {} : { language }),
          }),
        ),
      ),
      attempt(
        map(
          sequence<[CompareOperator, string, { text: string }]>(
            oneOperator(["neq", "cs", "cd", "ov", "sl", "sr", "nxr", "nxl", "adj"]),
            delimiter,
            text,
          ),
          ([operator, , given]) => ({ kind: "compare", operator, value: given }),
        ),
      ),
      attempt(
        map(
          sequence<[CompareOperator, Quantifier | undefined, string, { text: string }]>(
            oneOperator(["eq", "gte", "gt", "lte", "lt", "like", "ilike", "match", "imatch"]),
            quantifier,
            delimiter,
            text,
          ),
          ([operator, quantified, , given]) => ({
            kind: "compare",
            operator,
            value: given,
            ...(quantified === undefined ? {} : { quantifier: quantified }),
          }),
        ),
      ),
    ),
  );
};

const negation: Parser<boolean> = choice(attempt(map(sequence(literal("not"), delimiter), () => true)), succeed(false));

const restOfText: Parser<string> = map(many(anyChar), join);

export interface ParsedOperation {
  readonly negated: boolean;
  readonly operation: Operation;
}

/** `not.eq.5`: the value is all that follows. */
export const filterOperation: Parser<ParsedOperation> = map(
  sequence<[boolean, Operation]>(negation, operation(restOfText)),
  ([negated, parsed]) => ({ negated, operation: parsed }),
);

/**
 * Nothing for what is no filter, and so an argument of a function. What begins like a filter has to be one: the dialect takes
 * `is.x` for a mistake.
 */
export const filterOrArgument: Parser<ParsedOperation | undefined> = choice<ParsedOperation | undefined>(
  filterOperation,
  succeed(undefined),
);

// and=, or=

const arrayLiteral: Parser<string> = map(
  sequence<[string, readonly string[], string]>(literal("{"), many(noneOf("{}")), literal("}")),
  ([open, inner, close]) => open + join(inner) + close,
);

const logicValue: Parser<string> = choice(
  attempt(followedBy(quotedValue, notFollowedBy(noneOf(",)")))),
  attempt(arrayLiteral),
  map(many(noneOf(",)")), join),
);

const logicFilter: Parser<Filter> = map(
  sequence<[Field, string, boolean, Operation]>(field, delimiter, negation, operation(logicValue)),
  ([named, , negated, parsed]) => ({ kind: "filter", field: named, negated, operation: parsed }),
);

const logicOperator = label(
  "logic operator (and, or)",
  choice<"and" | "or">(attempt(literal("and", "and")), literal("or", "or")),
);

export const logicTree: Parser<LogicTree> = lazy(() =>
  choice<LogicTree>(
    attempt(logicFilter),
    map(
      sequence<[boolean, "and" | "or", unknown, readonly LogicTree[], unknown]>(
        label("negation operator (not)", negation),
        logicOperator,
        lexeme(char("(")),
        separated1(logicTree, lexeme(char(","))),
        lexeme(char(")")),
      ),
      ([negated, kind, , children]) => ({ kind, negated, children }),
    ),
  ),
);
