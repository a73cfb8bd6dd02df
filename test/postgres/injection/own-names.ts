import type { SqlToken } from "./sql-tokens.ts";

/** What an API's statements may name. */
export interface OwnNames {
  /** Every schema of the database, exposed or not. */
  readonly schemas: ReadonlySet<string>;
  /** Relations, functions and types of the exposed ones, as `schema.name`. */
  readonly qualified: ReadonlySet<string>;
  /** Relations, columns and parameters. */
  readonly bare: ReadonlySet<string>;
}

/** What the statements that reads, writes and calls are compiled to are made of; nothing else is ever written without quotes. */
const WORDS = new Set(
  (
    "select insert update delete with as from where join lateral inner left cross on and or not is null true false case when then end " +
    "distinct any all like ilike order group by desc asc nulls first last limit offset into values default returning set conflict do nothing " +
    "excluded exists ordinality variadic cast explain format text json analyze verbose settings buffers wal only row " +
    "integer bigint jsonb boolean int unknown character varying double precision numeric real date timestamp time zone without int4range xml bytea " +
    "count sum avg record_send max min coalesce nullif current_setting set_config json_agg jsonb_agg array_agg string_agg row_to_json to_json to_jsonb json_strip_nulls " +
    "json_object_keys json_build_object json_to_record json_to_recordset json_array_elements jsonb_array_elements unnest substring length encode isfinite extract epoch " +
    "to_tsvector to_tsquery plainto_tsquery phraseto_tsquery websearch_to_tsquery pg_catalog format_type to_regtype oid name pg_timezone_names " +
    "begin commit rollback read write constraints immediate listen isolation level serializable repeatable committed " +
    // Names of ours that need no quotes.
    "t source k r names counted s n u v"
  ).split(" "),
);

/** Texts of ours; those of requests are parameters. */
const TEXTS = new Set(
  [
    "','",
    "''",
    "E'\\n'",
    "'response.headers'",
    "'response.status'",
    "'[]'",
    "'null'",
    "'0'",
    "'hex'",
    "'TimeZone'",
  ].concat("'hotpath.merged'"),
);

/** What a statement holds that is neither the catalog's nor our own, or undefined. */
export function strangerIn(tokens: readonly SqlToken[], own: OwnNames): string | undefined {
  const introduced = new Set<string>();
  for (const [index, { kind, value }] of tokens.entries()) {
    if (kind === "name" && tokens[index - 1]?.value === "as") introduced.add(value);
  }
  const isKnown = (name: string): boolean => own.bare.has(name) || introduced.has(name) || name.startsWith("hp.");
  for (const [index, { kind, value }] of tokens.entries()) {
    if (kind === "word" && !WORDS.has(value) && !/^[hv]\d+$/.test(value)) return value;
    if (kind === "text" && !TEXTS.has(value)) return value;
    if (kind === "sign" && (value === ";" || value === "\\")) return value;
    if (kind !== "name") continue;
    const isMember = tokens[index - 1]?.value === ".";
    const qualifier = isMember ? tokens[index - 2] : undefined;
    if (qualifier?.kind === "name" && own.schemas.has(qualifier.value)) {
      if (!own.qualified.has(`${qualifier.value}.${value}`)) return `${qualifier.value}.${value}`;
    } else if (!isKnown(value) && !own.schemas.has(value)) {
      return value;
    } else if (own.schemas.has(value) && !introduced.has(value) && tokens[index + 1]?.value !== ".") {
      return value;
    }
  }
  return undefined;
}
