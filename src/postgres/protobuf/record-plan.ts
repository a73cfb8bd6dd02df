import { ENUM, FLOAT8 } from "../binary/value-form.ts";
import type { EnumType, MessageField } from "../../content/protobuf/schema.ts";

/** What a value is in the database and in its message. */
export interface ValuePlan {
  readonly form: number;
  /** Of an enum. */
  readonly enumeration?: EnumPlan;
  /** Of an array. */
  readonly element?: ValuePlan;
  /** Of a composite value. Made when first asked for: rows may hold rows of their own kind. */
  readonly record?: () => RecordPlan;
  /** Of an expression: its name in UTF-8, and whether it comes as JSON. */
  readonly expression?: { readonly name: Buffer; readonly isJson: boolean };
}

/** An enum both ways. */
export interface EnumPlan {
  readonly type: EnumType;
  /** By label as its bytes read in Latin-1. */
  readonly numbers: ReadonlyMap<string, number>;
  readonly labels: ReadonlyMap<number, string>;
}

/** What is made of the records of one kind: their fields in order. */
export interface RecordPlan {
  readonly fields: readonly RecordField[];
  /** Bytes that the length of the last message took; the next is likely to be as long. */
  width: number;
}

/** A field of a record, and where it goes. */
export interface RecordField {
  readonly field: MessageField;
  readonly tag: number;
  readonly value: ValuePlan;
  /** Of an array: the tag of the field that says what a repeated one cannot; 0: there is none. */
  readonly exactTag: number;
  /** Of an array: it may be null, which an empty one must be told from. */
  readonly isNullable: boolean;
}

/** Whether repeated values stand together in one piece. */
export function isPacked({ form }: ValuePlan): boolean {
  return form <= FLOAT8 || form === ENUM;
}
