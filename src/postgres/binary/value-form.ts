/** How a value lies in PostgreSQL's binary format, and so what is to be made of it. Numbers, which a switch jumps by. */
export const BOOL = 0;
export const INT2 = 1;
export const INT4 = 2;
export const INT8 = 3;
/** Without a sign: `oid`. */
export const UINT4 = 4;
export const FLOAT4 = 5;
export const FLOAT8 = 6;
export const NUMERIC = 7;
/** UTF-8, as it is to be sent. */
export const TEXT = 8;
/** A byte of version before the text. */
export const JSONB = 9;
export const BYTES = 10;
export const UUID = 11;
export const DATE = 12;
export const TIME = 13;
export const TIMESTAMP = 14;
export const TIMESTAMPTZ = 15;
/** The label. */
export const ENUM = 16;
export const ARRAY = 17;
/** A composite value, or an embedded row as `record_send` writes it. */
export const RECORD = 18;
/** Embedded rows, one behind the other. */
export const RECORDS = 19;
/** A composite value as JSON, where something in it has no form that is known here. */
export const JSON_RECORD = 20;

/** JSON as it is written. */
export const JSON_TEXT = 21;
/** What a `select` works out: a value whose type the record itself says. */
export const EXPRESSION = 22;

/** What is selected of a value, so that it comes in its form. */
export type WireCast = "none" | "text" | "texts" | "json" | "string";

/** Types that have a form of their own, by PostgreSQL's name. All others are sent as texts. */
export const FORMS: ReadonlyMap<string, number> = new Map([
  ["boolean", BOOL],
  ["smallint", INT2],
  ["integer", INT4],
  ["bigint", INT8],
  ["oid", UINT4],
  ["real", FLOAT4],
  ["double precision", FLOAT8],
  ["numeric", NUMERIC],
  ["text", TEXT],
  ["character varying", TEXT],
  ["character", TEXT],
  ["name", TEXT],
  ["json", JSON_TEXT],
  ["jsonb", JSONB],
  ["bytea", BYTES],
  ["uuid", UUID],
  ["date", DATE],
  ["time without time zone", TIME],
  ["timestamp without time zone", TIMESTAMP],
  ["timestamp with time zone", TIMESTAMPTZ],
]);
