import {
  anyChar,
  attempt,
  between,
  chain,
  char,
  choice,
  digit,
  end,
  followedBy,
  label,
  lazy,
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
  type Parser,
  reject,
  separated,
  separated1,
  sequence,
  succeed,
} from "./parser-combinators.ts";
import type {
  AggregateFunction,
  CompareOperator,
  Field,
  Filter,
  IsLiteral,
  JoinType,
  JsonStep,
  LogicTree,
  Operation,
  OrderTerm,
  Quantifier,
  SearchOperator,
  SelectItem,
} from "./ast.ts";

/**
 * The grammar of the dialect's query parameters (PostgREST 14, "Tables and Views" and "Resource Embedding").
 * Alternatives stand in the order in which their failures are reported.
 */

const join = (characters: readonly string[]): string => characters.join("");
const spaces = many(oneOf(" \t"));
const lexeme = <T>(parser: Parser<T>): Parser<T> => between(spaces, spaces, parser);
const delimiter = label("delimiter (.)", char("."));

const quotedValue: Parser<string> = between(
  char('"'),
  char('"'),
  map(many(choice(noneOf('\\"'), preceded(char("\\"), anyChar))), join),
);

const identifier: Parser<string> = map(many1(choice(letter, digit, oneOf("_ $"))), (characters) =>
  join(characters).trim(),
);

/** Parts joined by single dashes; `->` begins a JSON path instead. */
const dashed = (part: Parser<string>): Parser<string> =>
  map(separated1(part, attempt(followedBy(char("-"), notFollowedBy(char(">"))))), (parts) => parts.join("-"));

const fieldName: Parser<string> = label("field name (* or [a..z0..9_$])", choice(quotedValue, dashed(identifier)));

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

const jsonStep: Parser<JsonStep> = map(
  sequence<["->" | "->>", JsonStep["operand"]]>(
    choice(attempt(literal<"->" | "->>">("->>", "->>")), attempt(literal<"->" | "->>">("->", "->"))),
    choice<JsonStep["operand"]>(
      attempt(map(jsonIndex, (index) => ({ index }))),
      attempt(map(jsonKey, (key) => ({ key }))),
    ),
  ),
  ([arrow, operand]) => ({ arrow, operand }),
);

const field: Parser<Field> = lexeme(
  map(sequence<[string, readonly JsonStep[]]>(fieldName, many(jsonStep)), ([name, path]) => ({ name, path })),
);

const aliasSeparator = sequence(char(":"), notFollowedBy(char(":")));
const alias = optional(attempt(followedBy(fieldName, aliasSeparator)));
const cast = optional(preceded(literal("::"), identifier));

// select=

const selectEnd = choice(attempt(lookAhead(literal(")"))), attempt(lookAhead(literal(","))), attempt(end));

const aggregation: Parser<AggregateFunction> = choice<AggregateFunction>(
  literal("sum", "sum"),
  literal("avg", "avg"),
  literal("count", "count"),
  attempt(literal("max", "max")),
  attempt(literal("min", "min")),
);

const selectStar: Parser<SelectItem> = map(followedBy(literal("*"), selectEnd), () => ({
  kind: "field",
  field: { name: "*", path: [] },
}));

const selectCount: Parser<SelectItem> = map(
  sequence<[string | undefined, string, string | undefined, undefined]>(alias, literal("count()"), cast, selectEnd),
  ([name, , aggregateCast]) => ({
    kind: "field",
    field: { name: "*", path: [] },
    aggregate: "count",
    ...(aggregateCast === undefined ? {} : { aggregateCast }),
    ...(name === undefined ? {} : { alias: name }),
  }),
);

const selectColumn: Parser<SelectItem> = map(
  sequence<
    [string | undefined, Field, string | undefined, AggregateFunction | undefined, string | undefined, undefined]
  >(alias, field, cast, optional(attempt(between(char("."), literal("()"), aggregation))), cast, selectEnd),
  ([name, selected, columnCast, aggregate, aggregateCast]) => ({
    kind: "field",
    field: selected,
    ...(aggregate === undefined ? {} : { aggregate }),
    ...(aggregateCast === undefined ? {} : { aggregateCast }),
    ...(columnCast === undefined ? {} : { cast: columnCast }),
    ...(name === undefined ? {} : { alias: name }),
  }),
);

type EmbedParameter = { readonly join: JoinType } | { readonly hint: string };

const embedParameter: Parser<EmbedParameter> = preceded(
  char("!"),
  choice<EmbedParameter>(
    attempt(literal("left", { join: "left" as const })),
    attempt(literal("inner", { join: "inner" as const })),
    attempt(map(fieldName, (hint) => ({ hint }))),
  ),
);

const embedParameters = map(
  sequence<[EmbedParameter | undefined, EmbedParameter | undefined]>(
    optional(embedParameter),
    optional(embedParameter),
  ),
  ([first, second]): { hint?: string; join?: JoinType } => ({ ...second, ...first }),
);

const openBracketAhead = attempt(lookAhead(literal("(")));

type RelationHead = Omit<Extract<SelectItem, { kind: "relation" }>, "select">;

const spreadHead: Parser<RelationHead> = lexeme(
  map(
    sequence<[string, { hint?: string; join?: JoinType }, undefined]>(
      preceded(literal("..."), fieldName),
      embedParameters,
      openBracketAhead,
    ),
    ([name, parameters]): RelationHead => ({ kind: "relation", name, spread: true, ...parameters }),
  ),
);

/** `count(` is the aggregate, never a relation. */
const relationName: Parser<string> = chain(fieldName, (name) => (name === "count" ? reject<string>() : succeed(name)));

const relationHead: Parser<RelationHead> = lexeme(
  map(
    sequence<[string | undefined, string, { hint?: string; join?: JoinType }, undefined]>(
      alias,
      relationName,
      embedParameters,
      openBracketAhead,
    ),
    ([name, relation, parameters]): RelationHead => ({
      kind: "relation",
      name: relation,
      spread: false,
      ...parameters,
      ...(name === undefined ? {} : { alias: name }),
    }),
  ),
);

const nestedSelect = between(
  char("("),
  char(")"),
  lazy(() => selectList),
);

const embed = (head: Parser<RelationHead>): Parser<SelectItem> =>
  map(sequence<[RelationHead, readonly SelectItem[]]>(attempt(head), nestedSelect), ([relation, select]) => ({
    ...relation,
    select,
  }));

export const selectList: Parser<readonly SelectItem[]> = separated(
  choice<SelectItem>(
    embed(spreadHead),
    embed(relationHead),
    lexeme(choice(attempt(selectStar), attempt(selectCount), selectColumn)),
  ),
  lexeme(char(",")),
);

// Filters

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

/** `not.eq.5`: the value is all that follows. */
export const filterOperation: Parser<{ negated: boolean; operation: Operation }> = map(
  sequence<[boolean, Operation]>(negation, operation(restOfText)),
  ([negated, parsed]) => ({ negated, operation: parsed }),
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

// order=

const orderEnd = choice(attempt(lookAhead(char(","))), attempt(end));

const direction = optional(
  choice<"asc" | "desc">(
    attempt(preceded(delimiter, literal("asc", "asc"))),
    attempt(preceded(delimiter, literal("desc", "desc"))),
  ),
);

const nulls = choice<"first" | "last" | undefined>(
  followedBy(
    optional(
      choice<"first" | "last">(
        attempt(preceded(delimiter, literal("nullsfirst", "first"))),
        attempt(preceded(delimiter, literal("nullslast", "last"))),
      ),
    ),
    orderEnd,
  ),
  map(orderEnd, () => undefined),
);

const orderSuffix = map(
  sequence<["asc" | "desc" | undefined, "first" | "last" | undefined]>(direction, nulls),
  ([way, place]): Pick<OrderTerm, "direction" | "nulls"> => ({
    ...(way === undefined ? {} : { direction: way }),
    ...(place === undefined ? {} : { nulls: place }),
  }),
);

const relationOrder: Parser<OrderTerm> = map(
  sequence<[string, Field, Pick<OrderTerm, "direction" | "nulls">]>(
    fieldName,
    between(char("("), char(")"), field),
    orderSuffix,
  ),
  ([relation, ordered, suffix]) => ({ relation, field: ordered, ...suffix }),
);

const columnOrder: Parser<OrderTerm> = map(
  sequence<[Field, Pick<OrderTerm, "direction" | "nulls">]>(field, orderSuffix),
  ([ordered, suffix]) => ({ field: ordered, ...suffix }),
);

export const orderList: Parser<readonly OrderTerm[]> = separated1(
  lexeme(choice(attempt(relationOrder), columnOrder)),
  char(","),
);

/** `columns=` and `on_conflict=` */
export const columnList: Parser<readonly string[]> = separated1(fieldName, lexeme(char(",")));
