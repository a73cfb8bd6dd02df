import { tagOf } from "../../content/protobuf/byte-writer.ts";
import { HotpathError } from "../../errors.ts";
import {
  BOOL_VALUE,
  BYTES_VALUE,
  DOUBLE_VALUE,
  INT_VALUE,
  JSON_VALUE,
  STRING_VALUE,
  TIMESTAMP_VALUE,
} from "./expression.ts";
import {
  BOOL,
  BYTES,
  DATE,
  FLOAT4,
  FLOAT8,
  INT2,
  INT4,
  INT8,
  JSON_TEXT,
  JSONB,
  NUMERIC,
  TEXT,
  TIME,
  TIMESTAMP,
  TIMESTAMPTZ,
  UINT4,
  UUID,
} from "../binary/value-form.ts";

/** How an expression's value lies in a record, and the tag of the field that it is written to. */
export interface ExpressionType {
  readonly form: number;
  readonly valueTag: number;
}

/**
 * @param oid number of a type of PostgreSQL's own, which is the same in every database (`pg_type.dat`)
 * @throws HotpathError HP_NOT_ACCEPTABLE for others, as an aggregate that somebody made may answer
 */
export function expressionOf(oid: number): ExpressionType {
  const found = BY_OID.get(oid);
  if (found !== undefined) return found;
  throw new HotpathError("HP_NOT_ACCEPTABLE", "A selected expression has a type that has no place in a message.", {
    todo: "Cast it to text, or ask for application/json.",
  });
}

/** What comes as JSON, whatever it is. */
export const AS_JSON: ExpressionType = { form: JSON_TEXT, valueTag: tagOf(JSON_VALUE, 2) };

const BY_OID: ReadonlyMap<number, ExpressionType> = new Map([
  [16, { form: BOOL, valueTag: tagOf(BOOL_VALUE, 0) }],
  [21, { form: INT2, valueTag: tagOf(INT_VALUE, 0) }],
  [23, { form: INT4, valueTag: tagOf(INT_VALUE, 0) }],
  [20, { form: INT8, valueTag: tagOf(INT_VALUE, 0) }],
  [26, { form: UINT4, valueTag: tagOf(INT_VALUE, 0) }],
  [700, { form: FLOAT4, valueTag: tagOf(DOUBLE_VALUE, 1) }],
  [701, { form: FLOAT8, valueTag: tagOf(DOUBLE_VALUE, 1) }],
  [17, { form: BYTES, valueTag: tagOf(BYTES_VALUE, 2) }],
  [1184, { form: TIMESTAMPTZ, valueTag: tagOf(TIMESTAMP_VALUE, 2) }],
  [114, AS_JSON],
  [3802, { form: JSONB, valueTag: tagOf(JSON_VALUE, 2) }],
  ...(
    [
      [1700, NUMERIC],
      [19, TEXT],
      [25, TEXT],
      [1042, TEXT],
      [1043, TEXT],
      [2950, UUID],
      [1082, DATE],
      [1083, TIME],
      [1114, TIMESTAMP],
    ] as const
  ).map(([oid, form]) => [oid, { form, valueTag: tagOf(STRING_VALUE, 2) }] as const),
]);
