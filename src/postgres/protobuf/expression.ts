import { type MessageField, type MessageType, scalar, TIMESTAMP } from "../../content/protobuf/schema.ts";
import type { Catalog, Relation } from "../catalog/types.ts";
import type { PlannedField } from "../query/plan.ts";
import { FORMS, type WireCast } from "../binary/value-form.ts";

/**
 * What a `select` works out has a type of its own, whatever field of the row it is made of: casts, aggregates, parts of JSON. Each is an entry of a map, by the
 * name that it would have in JSON, whose value is one of these.
 */
export function expressionMessage(name: string): MessageType {
  return {
    name,
    comment: "The value of a cast, an aggregate or a part of JSON that was selected: one of these.",
    fields: [
      field("bool_value", BOOL_VALUE, scalar("bool"), null),
      field("int_value", INT_VALUE, scalar("int64"), null),
      field("double_value", DOUBLE_VALUE, scalar("double"), null),
      field("string_value", STRING_VALUE, scalar("string"), "also numeric, dates and whatever is not among the others"),
      field("bytes_value", BYTES_VALUE, scalar("bytes"), null),
      field("timestamp_value", TIMESTAMP_VALUE, TIMESTAMP, null),
      field("json_value", JSON_VALUE, scalar("string"), "JSON: json, jsonb, arrays, composite types"),
    ],
    nested: [],
    reserved: [],
  };
}

function field(name: string, number: number, type: MessageField["type"], comment: string | null): MessageField {
  return { name, key: name, number, type, label: type.kind === "message" ? "single" : "optional", comment };
}

export const BOOL_VALUE = 1;
export const INT_VALUE = 2;
export const DOUBLE_VALUE = 3;
export const STRING_VALUE = 4;
export const BYTES_VALUE = 5;
export const TIMESTAMP_VALUE = 6;
export const JSON_VALUE = 7;

/** The field of a row's message for them: above those of columns, and of arrays as JSON. */
export const EXPRESSIONS_NUMBER = 4000;

/** How an expression is to be selected, so that its value comes in binary format that is known by its type's number, or as a text or JSON. */
export function expressionCast(
  { column, cast, aggregate, aggregateCast }: PlannedField,
  { columns }: Relation,
  { namedTypes, schemas }: Catalog,
  types: ReadonlyMap<string, string>,
): WireCast {
  if (aggregateCast !== undefined) return castOf(types.get(aggregateCast));
  if (aggregate === "count") return "none";
  if (cast !== undefined) return castOf(types.get(cast));
  const arrow = column.path.at(-1)?.arrow;
  if (arrow !== undefined) return aggregate === undefined || arrow === "->>" ? "none" : "text";
  // What an aggregate makes of a number is a number, of a text a text.
  return castOf(column.transform === undefined ? columns.get(column.name)?.baseType : undefined);

  function castOf(type: string | undefined): WireCast {
    if (type === undefined) return "text";
    if (FORMS.has(type)) return "none";
    if (type.endsWith("[]") || PSEUDO_TYPES.has(type)) return "json";
    // Those of the search path come without their schema.
    const names = [type, ...schemas.map((schema) => `${schema}.${type}`)];
    const named = names.map((name) => namedTypes.get(name)).find((found) => found !== undefined);
    if (named?.kind === "composite") return "json";
    // The record would name the domain as the value's type.
    if (named?.kind === "domain") return castOf(named.base) === "json" ? "json" : "text";
    return named === undefined && type.includes(".") ? "string" : "text";
  }
}

/** Only the database knows what their values are. */
export const PSEUDO_TYPES: ReadonlySet<string> = new Set(["record", "anyelement", "anyarray", "anycompatible", "void"]);
