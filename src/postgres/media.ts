import { parseAccept, parseMediaType, type MediaRange } from "../http/index.ts";
import type { Catalog, MediaHandler, RelationName, RoutineReturn } from "./catalog/types.ts";
import { relationKey } from "./catalog/types.ts";
import { DialectError } from "./dialect-error.ts";
import type { ExplainOption, ReadOptions, RowFormat } from "./query/compile-read.ts";

/** How a read will be answered: the `Content-Type`, and how the rows become its text. */
export interface ReadMedia {
  readonly contentType: string;
  readonly format: RowFormat;
  readonly explain: ReadOptions["explain"];
}

/** Makes a reply's content of the records that came of its rows. */
export interface RowsEncoder {
  readonly contentType: string;
  encode(records: string | null): Uint8Array | string;
  /** What a cursor to the next page is made of; absent: it is told beside the records. */
  readonly lastValues?: ((records: string) => readonly (string | null)[]) | undefined;
}

/** Fields of requests that choose among the replies to a read, whether these are stored here or elsewhere. Ranges of rows are not stored. */
export const READ_VARIES: readonly string[] = ["Accept", "Prefer", "Accept-Profile"];
export const READ_VARY = READ_VARIES.join(", ");

/** One object, and an error where there is another number of rows. */
export function isSingular({ format }: Pick<ReadMedia, "format">): boolean {
  return format.kind === "object" || (format.kind === "records" && format.isSingular);
}

/** Protocol Buffers by any of its names. */
export function isProtobuf(mediaType: string): boolean {
  return PROTOBUF.has(mediaType);
}

const PROTOBUF = new Set(["application/x-protobuf", "application/protobuf", "application/vnd.google.protobuf"]);
const ARRAY: RowFormat = { kind: "array", stripNulls: false };
const JSON_MEDIA: ReadMedia = { contentType: "application/json; charset=utf-8", format: ARRAY, explain: null };
const EXPLAIN_OPTIONS: readonly ExplainOption[] = ["analyze", "verbose", "settings", "buffers", "wal"];

/** What is to be answered, as far as the choice of a media type depends on it. */
export interface MediaSubject {
  /** The relation whose rows are answered, or the function whose value is. */
  readonly name: RelationName;
  /** What the function answers, where that has no columns; null: rows. */
  readonly value: Pick<RoutineReturn, "type" | "baseType" | "set"> | null;
  /** The default columns are selected: only then do handlers of its own apply. */
  readonly isWholeRow: boolean;
}

/**
 * The first media type of `Accept`, best weight first, that the subject can be answered in.
 *
 * @throws DialectError PGRST107 when there is none.
 */
export function chooseReadMedia(
  catalog: Catalog,
  subject: MediaSubject,
  accept: string | undefined,
  planEnabled: boolean,
): ReadMedia {
  const hasHandlers = catalog.mediaHandlers.size > 0;
  if (!hasHandlers && (accept === undefined || accept === "*/*" || accept === "application/json")) return JSON_MEDIA;
  const ranges = accept === undefined ? parseAccept("*/*") : acceptable(accept);
  for (const range of ranges) {
    const media = mediaFor(catalog, subject, range, planEnabled);
    if (media !== undefined) return media;
  }
  // What is no media type at all is shown as it came.
  const asked = ranges.length === 0 ? accept : ranges.map(nameOf).join(", ");
  throw new DialectError("PGRST107", 406, `None of these media types are available: ${asked}`);
}

/** Ranges of an `Accept` in the order of preference: by weight, then as given. */
export function acceptable(accept: string): readonly MediaRange[] {
  return parseAccept(accept)
    .filter(({ quality }) => quality > 0)
    .sort((one, other) => other.quality - one.quality);
}

function mediaFor(
  catalog: Catalog,
  subject: MediaSubject,
  range: MediaRange,
  planEnabled: boolean,
): ReadMedia | undefined {
  const name = `${range.type}/${range.subtype}`;
  const stripNulls = range.parameters.get("nulls") === "stripped";
  const suffix = stripNulls ? ";nulls=stripped" : "";
  switch (name) {
    case "application/vnd.pgrst.object":
    case "application/vnd.pgrst.object+json":
      return {
        contentType: `application/vnd.pgrst.object+json${suffix}; charset=utf-8`,
        format: { kind: "object", stripNulls },
        explain: null,
      };
    case "application/vnd.pgrst.array":
    case "application/vnd.pgrst.array+json":
      if (!stripNulls) return mediaFor(catalog, subject, JSON_RANGE, planEnabled);
      return {
        contentType: `application/vnd.pgrst.array+json${suffix}; charset=utf-8`,
        format: { kind: "array", stripNulls },
        explain: null,
      };
    case "application/vnd.pgrst.plan":
    case "application/vnd.pgrst.plan+text":
    case "application/vnd.pgrst.plan+json":
      return planEnabled ? planMedia(catalog, subject, range) : undefined;
    default:
      return handled(catalog, subject, name) ?? builtIn(catalog, subject, name);
  }
}

const JSON_RANGE: MediaRange = { type: "application", subtype: "json", parameters: new Map(), quality: 1 };

function builtIn({ geoJson }: Catalog, { value }: MediaSubject, name: string): ReadMedia | undefined {
  switch (name) {
    case "*/*":
    case "application/*":
    case "application/json":
      return JSON_MEDIA;
    case "application/x-protobuf":
    case "application/protobuf":
    case "application/vnd.google.protobuf":
      return { contentType: "application/x-protobuf", format: { kind: "records", isSingular: false }, explain: null };
    case "application/vnd.pgrst.object+protobuf":
      return { contentType: "application/x-protobuf", format: { kind: "records", isSingular: true }, explain: null };
    case "text/csv":
      return { contentType: "text/csv; charset=utf-8", format: { kind: "csv" }, explain: null };
    case "application/geo+json": {
      const contentType = "application/geo+json; charset=utf-8";
      return geoJson === null
        ? undefined
        : { contentType, format: { kind: "geojson", function: geoJson }, explain: null };
    }
    default:
      return value === null || value.set ? undefined : VALUE_MEDIA.get(name)?.get(value.baseType);
  }
}

function valueMedia(contentType: string, types: readonly string[], format: RowFormat): Map<string, ReadMedia> {
  return new Map(types.map((type) => [type, { contentType, format, explain: null }]));
}

const TEXT: RowFormat = { kind: "value", isBinary: false };

/** What a single value is content of by itself, by media type, then type. The document at `/` may be a function's. */
const VALUE_MEDIA: ReadonlyMap<string, ReadonlyMap<string, ReadMedia>> = new Map([
  ["application/octet-stream", valueMedia("application/octet-stream", ["bytea"], { kind: "value", isBinary: true })],
  ["text/plain", valueMedia("text/plain; charset=utf-8", ["text", "character varying"], TEXT)],
  ["text/xml", valueMedia("text/xml; charset=utf-8", ["xml"], TEXT)],
  ["application/openapi+json", valueMedia("application/openapi+json; charset=utf-8", ["json", "jsonb"], ARRAY)],
]);

/** What the database itself makes of the rows: handlers of the subject first, then those of any type. */
function handled(catalog: Catalog, subject: MediaSubject, name: string): ReadMedia | undefined {
  if (catalog.mediaHandlers.size === 0) return undefined;
  const { value } = subject;
  const named = catalog.mediaHandlers.get(relationKey(subject.name)) ?? [];
  // A function and a relation may have one name, and so may functions that answer different things.
  const own = subject.isWholeRow
    ? named.filter(({ relation, type }) =>
        value === null ? relation !== undefined : type === value.type && !value.set,
      )
    : [];
  const ownHandler =
    own.find(({ mediaType }) => mediaType === "*/*") ?? own.find(({ mediaType }) => mediaType === name);
  const handler = ownHandler ?? catalog.mediaHandlers.get("*")?.find(({ mediaType }) => mediaType === name);
  if (handler === undefined) return undefined;
  const { contentType, isBinary } = handler;
  // The function has been called, and its value is what it makes.
  const isMade = value !== null && handler === ownHandler;
  const format: RowFormat = isMade ? { kind: "value", isBinary } : handlerFormat(handler);
  return { contentType, format, explain: null };
}

function handlerFormat({ function: aggregate, relation, isBinary }: MediaHandler): RowFormat {
  return { kind: "handler", function: aggregate, ...(relation === undefined ? {} : { relation }), isBinary };
}

function planMedia(catalog: Catalog, subject: MediaSubject, range: MediaRange): ReadMedia | undefined {
  const target = parseMediaType(range.parameters.get("for") ?? "application/json");
  if (target === undefined) return undefined;
  const planned = mediaFor(catalog, subject, { ...target, quality: 1 }, false);
  if (planned === undefined) return undefined;
  const format = range.subtype.endsWith("+json") ? "json" : "text";
  const asked = (range.parameters.get("options") ?? "").split("|");
  const options = EXPLAIN_OPTIONS.filter((option) => asked.includes(option));
  const listed = options.length === 0 ? "" : `; options=${options.join("|")}`;
  const [name] = planned.contentType.split("; ");
  return {
    contentType: `application/vnd.pgrst.plan+${format}; for="${name}"${listed}; charset=utf-8`,
    format: planned.format,
    explain: { format, options },
  };
}

function nameOf(range: MediaRange): string {
  const parameters = [...range.parameters].map(([name, value]) => `;${name}=${value}`).join("");
  return `${range.type}/${range.subtype}${parameters}`;
}
