import { tagOf } from "../../content/protobuf/byte-writer.ts";
import { type MessageField, type MessageType, wireTypeOf } from "../../content/protobuf/schema.ts";
import type { Relationship } from "../catalog/types.ts";
import { isPacked, type RecordField, type RecordPlan } from "./record-plan.ts";
import type { WireCast } from "../binary/value-form.ts";
import type { TypedValue } from "./value-types.ts";

export interface RoutineMessages {
  readonly result: RowMessage;
  readonly argumentsType: MessageType;
  readonly arguments: ReadonlyMap<string, RowField>;
}

/** The message of a relation's rows, or of a function's results. */
export interface RowMessage {
  readonly type: MessageType;
  /** Several of them, as a list is answered. */
  readonly list: MessageType;
  /** By column. */
  readonly columns: ReadonlyMap<string, RowField>;
  /** By function that computes a column. */
  readonly computed: ReadonlyMap<string, RowField>;
  /** Where embedded rows go. */
  readonly embeds: ReadonlyMap<Relationship, EmbedField>;
  /** Where casts, aggregates and parts of JSON go; undefined: nothing can be selected of it. */
  readonly expressions: MessageField | undefined;
  /** Of a record with all columns in order. */
  readonly plan: RecordPlan;
}

export interface RowField {
  readonly field: MessageField;
  /** What says of an array what a repeated field cannot. */
  readonly exact: MessageField | undefined;
  readonly cast: WireCast;
  readonly record: RecordField;
}

export interface EmbedField {
  readonly field: MessageField;
  readonly message: () => RowMessage;
}

/** A field for a value, and what is written into it. */
export function rowField(
  typed: TypedValue,
  name: string,
  key: string,
  number: number,
  comment: string | null,
  isNullable: boolean,
): RowField {
  const { type, isRepeated, value, cast } = typed;
  const label = isRepeated ? "repeated" : type.kind === "message" ? "single" : "optional";
  const field: MessageField = { name, key, number, type, label, comment };
  const exact: MessageField | undefined = isRepeated
    ? {
        name: `${name}_json`,
        key: `${key}_json`,
        number: number + EXACT_OFFSET,
        type: { kind: "scalar", scalar: "string" },
        label: "optional",
        comment: `${key} as JSON, where it has nulls or several dimensions${isNullable ? ", or is empty and not null" : ""}`,
      }
    : undefined;
  const isPiece = isRepeated && value.element !== undefined && isPacked(value.element);
  const record: RecordField = {
    field,
    tag: tagOf(number, isPiece ? 2 : wireTypeOf(type)),
    value,
    exactTag: exact === undefined ? 0 : tagOf(exact.number, 2),
    isNullable,
  };
  return { field, exact, cast, record };
}

/** Above every number that a column can have: PostgreSQL has 1600. */
export const EXACT_OFFSET = 2000;
/** What every such field's name ends with. */
export const EXACT_SUFFIX = "_json";
