import type { Field, OrderTerm } from "./ast.ts";
import { lexeme, delimiter, fieldName, field } from "./grammar-tokens.ts";
import {
  attempt,
  between,
  char,
  choice,
  end,
  followedBy,
  literal,
  lookAhead,
  map,
  optional,
  preceded,
  separated1,
  sequence,
  type Parser,
} from "./parser-combinators.ts";

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
