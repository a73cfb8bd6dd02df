import type { PostgresSettings } from "../../api/settings.ts";
import type { Column } from "../catalog/types.ts";
import type { Json } from "./swagger-schema.ts";

/** What the dialect's parameters depend on beside the catalog. */
export type ParameterSettings = Pick<PostgresSettings, "schemas" | "cursors" | "aggregates" | "txEnd">;

const DIALECT = "https://docs.postgrest.org/en/v14/references/api";

/** The parameters that operations share, by the name of their component. */
export function sharedParameters(settings: ParameterSettings): Readonly<Record<string, Json>> {
  const { schemas, aggregates } = settings;
  const profile = { type: "string", enum: schemas, default: schemas[0] };
  return {
    select: query(
      "select",
      "Columns to answer, and related rows to embed: `id,label:name,price::text,data->>key,orders(id,total)`. " +
        `${aggregates ? "Aggregates: `total.sum()`, `count()`. " : ""}All columns where it is left out.`,
      `${DIALECT}/tables_views.html#vertical-filtering`,
    ),
    order: query("order", "Columns to order by: `created_at.desc.nullslast,id`."),
    limit: query("limit", "Most rows to answer.", undefined, { type: "integer", minimum: 0 }),
    offset: query("offset", "Rows to pass over.", undefined, { type: "integer", minimum: 0 }),
    after: query("after", "Cursor of the page before, as its `Link` gave it. It holds for the same `order` alone."),
    and: query("and", "Conditions that must all hold: `(age.gte.18,or(name.like.A*,name.is.null))`."),
    or: query("or", "Conditions of which one must hold: `(age.lt.18,age.gt.65)`. `not.or` and `not.and` negate."),
    columns: query("columns", "Columns to write; the content's other fields are ignored."),
    on_conflict: query("on_conflict", "Columns of the unique constraint that `Prefer: resolution` is about."),
    Range: header("Range", "Rows to answer, counted from 0: `0-24`.", { type: "string", pattern: "^[0-9]+-[0-9]*$" }),
    "Range-Unit": header("Range-Unit", "Unit of `Range`.", { type: "string", const: "items" }),
    "If-None-Match": header("If-None-Match", "Tag of the representation at hand; 304 where it is still current."),
    "If-Match": header(
      "If-Match",
      "Tag of the row as it was read; 412 where it has changed since, and nothing is written.",
    ),
    "If-Unmodified-Since": header("If-Unmodified-Since", "`Last-Modified` of the row as it was read; 412 likewise."),
    "If-None-Match-write": header("If-None-Match", "412 where the row is there.", { type: "string", const: "*" }),
    "Idempotency-Key": header(
      "Idempotency-Key",
      'A quoted text that no other request has, such as `"8e03978e-40d5-43dd-bc93-6894a57f9324"`. A request that is sent again with its key is answered ' +
        "again, but not carried out again.",
    ),
    "Consistency-Token": header("Consistency-Token", "What a write answered; the read sees that write, on any server."),
    "Prefer-read": prefer(READ_PREFERENCES, settings, "count=exact"),
    "Prefer-write": prefer(WRITE_PREFERENCES, settings, "return=representation"),
    "Prefer-insert": prefer(INSERT_PREFERENCES, settings, "return=representation,resolution=merge-duplicates"),
    "Prefer-call": prefer(CALL_PREFERENCES, settings, "count=exact"),
    "Accept-Profile": header("Accept-Profile", "Schema of what is asked for.", profile),
    "Content-Profile": header("Content-Profile", "Schema of what is written or called.", profile),
  };
}

/** The filter of one column. */
export function columnFilter({ name, comment, type }: Column): Json {
  const note = `Filter (\`${type}\`): \`eq.…\`, \`in.(…)\`, \`not.is.null\`, …`;
  return query(name, comment === null ? note : `${comment}\n\n${note}`);
}

/** Refers to a parameter's component. */
export function parameterReference(name: string): Json {
  return { $ref: `#/components/parameters/${name}` };
}

const READ_PREFERENCES = [
  "`count=exact|planned|estimated` counts the rows in `Content-Range`",
  "`handling=strict` refuses preferences that are not known",
  "`timezone=NAME` sets the time zone of times",
];
const WRITE_PREFERENCES = [
  "`return=minimal|headers-only|representation` says what is answered",
  "`max-affected=N` with `handling=strict` refuses to change more rows",
  ...READ_PREFERENCES,
];
const INSERT_PREFERENCES = [
  "`resolution=merge-duplicates|ignore-duplicates` says what becomes of rows that are there",
  "`missing=default` gives columns that are left out their defaults",
  ...WRITE_PREFERENCES.filter((text) => !text.startsWith("`max-affected")),
];
const CALL_PREFERENCES = [...READ_PREFERENCES, "`max-affected=N` with `handling=strict` refuses more rows"];

function prefer(texts: readonly string[], { txEnd }: ParameterSettings, example: string): Json {
  const all = txEnd.endsWith("-allow-override") ? [...texts, "`tx=commit|rollback` ends the transaction"] : texts;
  return { ...header("Prefer", `Preferences (RFC 7240), parted by commas: ${all.join("; ")}.`), example };
}

function query(name: string, description: string, url?: string, schema: Json = { type: "string" }): Json {
  const more = url === undefined ? "" : `\n\nSee ${url}.`;
  return { name, in: "query", description: description + more, schema };
}

function header(name: string, description: string, schema: Json = { type: "string" }): Json {
  return { name, in: "header", description, schema };
}
