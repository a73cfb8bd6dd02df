import type { MessageField } from "../../content/protobuf/schema.ts";
import type { ValuePlan } from "./value-form.ts";

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
