import { parseAccept, parseMediaType, type MediaRange } from "../http/index.ts";
import type { Catalog, MediaHandler, Relation } from "./catalog/types.ts";
import { relationKey } from "./catalog/types.ts";
import { DialectError } from "./dialect-error.ts";
import type { ExplainOption, ReadOptions, RowFormat } from "./query/compile-read.ts";

/** How a read will be answered: the `Content-Type`, and how the rows become its text. */
export interface ReadMedia {
  readonly contentType: string;
  readonly format: RowFormat;
  readonly explain: ReadOptions["explain"];
}

const ARRAY: RowFormat = { kind: "array", stripNulls: false };
const JSON_MEDIA: ReadMedia = { contentType: "application/json; charset=utf-8", format: ARRAY, explain: null };
const EXPLAIN_OPTIONS: readonly ExplainOption[] = ["analyze", "verbose", "settings", "buffers", "wal"];

/**
 * The first media type of `Accept`, best weight first, that the relation can be answered in.
 *
 * @param isWholeRow the default columns are selected: only then do the relation's own handlers apply.
 * @throws DialectError PGRST107 when there is none.
 */
export function chooseReadMedia(
  catalog: Catalog,
  relation: Relation,
  accept: string | undefined,
  isWholeRow: boolean,
  planEnabled: boolean,
): ReadMedia {
  const hasHandlers = catalog.mediaHandlers.size > 0;
  if (!hasHandlers && (accept === undefined || accept === "*/*" || accept === "application/json")) return JSON_MEDIA;
  const ranges = accept === undefined ? parseAccept("*/*") : acceptable(accept);
  for (const range of ranges) {
    const media = mediaFor(catalog, relation, range, isWholeRow, planEnabled);
    if (media !== undefined) return media;
  }
  throw new DialectError("PGRST107", 406, `None of these media types are available: ${ranges.map(nameOf).join(", ")}`);
}

/** Ranges of an `Accept` in the order of preference: by weight, then as given. */
export function acceptable(accept: string): readonly MediaRange[] {
  return parseAccept(accept)
    .filter(({ quality }) => quality > 0)
    .sort((one, other) => other.quality - one.quality);
}

function mediaFor(
  catalog: Catalog,
  relation: Relation,
  range: MediaRange,
  isWholeRow: boolean,
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
      if (!stripNulls) return mediaFor(catalog, relation, JSON_RANGE, isWholeRow, planEnabled);
      return {
        contentType: `application/vnd.pgrst.array+json${suffix}; charset=utf-8`,
        format: { kind: "array", stripNulls },
        explain: null,
      };
    case "application/vnd.pgrst.plan":
    case "application/vnd.pgrst.plan+text":
    case "application/vnd.pgrst.plan+json":
      return planEnabled ? planMedia(catalog, relation, range, isWholeRow) : undefined;
    default:
      return handled(catalog, relation, name, isWholeRow) ?? builtIn(name);
  }
}

const JSON_RANGE: MediaRange = { type: "application", subtype: "json", parameters: new Map(), quality: 1 };

function builtIn(name: string): ReadMedia | undefined {
  if (name === "*/*" || name === "application/json" || name === "application/*") return JSON_MEDIA;
  if (name !== "text/csv") return undefined;
  return { contentType: "text/csv; charset=utf-8", format: { kind: "csv" }, explain: null };
}

/** What the database itself makes of the rows: handlers of the relation first, then those of any type. */
function handled(catalog: Catalog, relation: Relation, name: string, isWholeRow: boolean): ReadMedia | undefined {
  if (catalog.mediaHandlers.size === 0) return undefined;
  const own = isWholeRow ? (catalog.mediaHandlers.get(relationKey(relation)) ?? []) : [];
  const handler =
    own.find(({ mediaType }) => mediaType === "*/*") ??
    own.find(({ mediaType }) => mediaType === name) ??
    catalog.mediaHandlers.get("*")?.find(({ mediaType }) => mediaType === name);
  return handler === undefined ? undefined : handlerMedia(handler);
}

function handlerMedia(handler: MediaHandler): ReadMedia {
  return {
    contentType: handler.contentType === "application/json" ? JSON_MEDIA.contentType : handler.contentType,
    format: {
      kind: "handler",
      function: handler.function,
      ...(handler.relation === undefined ? {} : { relation: handler.relation }),
    },
    explain: null,
  };
}

function planMedia(
  catalog: Catalog,
  relation: Relation,
  range: MediaRange,
  isWholeRow: boolean,
): ReadMedia | undefined {
  const target = parseMediaType(range.parameters.get("for") ?? "application/json");
  if (target === undefined) return undefined;
  const planned = mediaFor(catalog, relation, { ...target, quality: 1 }, isWholeRow, false);
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
