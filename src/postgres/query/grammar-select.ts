import type { AggregateFunction, Field, JoinType, SelectItem } from "./ast.ts";
import { lexeme, fieldName, field, alias, cast } from "./grammar-tokens.ts";
import {
  attempt,
  between,
  chain,
  char,
  choice,
  end,
  followedBy,
  lazy,
  literal,
  lookAhead,
  map,
  optional,
  preceded,
  reject,
  separated,
  sequence,
  succeed,
  type Parser,
} from "./parser-combinators.ts";

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
