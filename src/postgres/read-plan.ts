import type { PostgresSettings } from "../api/settings.ts";
import type { SourceRequest } from "../api/source-request.ts";
import { BatchShape } from "./batch/shape.ts";
import { makeBatchTemplate } from "./batch/template.ts";
import type { Catalog, Relation } from "./catalog/types.ts";
import type { CachePlan, QueryCache } from "./changes/query-cache.ts";
import { assertScope, completeKeyset, type Cursor, cursorScope } from "./cursor.ts";
import { chooseReadMedia, isSingular, type ReadMedia, type RowsEncoder } from "./media.ts";
import type { PlanCache } from "./plan-cache.ts";
import type { Preferences } from "./preferences.ts";
import { planJsonRows } from "./json-rows/plan-json-rows.ts";
import type { QueryTree, RowRange } from "./query/ast.ts";
import { planRead } from "./query/build-plan.ts";
import { type CanonicalTemplate, canonicalTemplate } from "./query/canonical-query.ts";
import type { ReadNode } from "./query/plan.ts";
import { type CompiledRead, compileRead, type ReadOptions } from "./query/compile-read.ts";
import type { CursorTerm } from "./query/cursor-sql.ts";
import { parseQuery } from "./query/parse.ts";
import type { QueryParameter } from "./query/query-string.ts";
import { rootRange } from "./row-range.ts";
import { READ, type RunTransaction, type TransactionMode } from "./run-transaction.ts";
import { usesRequestSettings } from "./transaction.ts";
import { withoutMask } from "./url-mask.ts";

/** What reading relations needs of its source. */
export interface ReadContext {
  readonly settings: PostgresSettings;
  readonly catalog: Catalog;
  readonly plans: PlanCache<ReadPlan>;
  /** Absent: replies are not cached. */
  readonly queryCache: QueryCache | undefined;
  /** SQL names of the types that casts name; unknown ones are left out. */
  resolveTypes(casts: readonly string[]): Promise<ReadonlyMap<string, string>>;
  readonly run: RunTransaction;
}

/** A read to answer: a relation, or one row of it. */
export interface ReadTarget {
  readonly relation: Relation;
  /** Values of the primary key from the path, or null for the whole relation. */
  readonly key: readonly string[] | null;
  /** The profile was negotiated, so the reply names it. */
  readonly namesProfile: boolean;
}

/** What of a request makes a read. */
export type ReadRequest = Pick<SourceRequest, "method" | "headers" | "identity" | "basePath" | "path" | "query">;

/** Everything about a read that other requests of the same shape can use again. */
export interface ReadPlan {
  readonly compiled: CompiledRead;
  readonly mode: TransactionMode;
  readonly media: ReadMedia;
  /** Where rows come as records. */
  readonly encoder: RowsEncoder | undefined;
  /** As the request asked, before any cap of the settings: what `Content-Range` counts from. */
  readonly offset: number;
  readonly pageLimit: number | undefined;
  readonly keyset: { readonly terms: readonly CursorTerm[]; readonly scope: string } | null;
  /** How its replies are cached, where replies are. */
  readonly caching: CachePlan | undefined;
  /** Names the resource for `Content-Location`, with the operands of a request put in. */
  readonly canonical: CanonicalTemplate;
  /** The same read, with rows that are made JSON here; absent where the database has to make it. */
  readonly quick?: QuickRead | undefined;
}

export interface QuickRead {
  readonly plan: ReadPlan;
  /** It has turned out to be of no use: another time zone, another structure. */
  isOff: boolean;
}

/** Parses, plans and compiles a read. */
export async function makeReadPlan(
  context: Pick<ReadContext, "settings" | "catalog" | "queryCache" | "resolveTypes">,
  request: ReadRequest,
  target: ReadTarget,
  preferences: Preferences,
  parameters: readonly QueryParameter[],
  operands: readonly (string | undefined)[],
  cursor: Cursor | null,
): Promise<ReadPlan> {
  const { catalog, settings } = context;
  const { relation, key } = target;
  const asked = await withoutMask(catalog, request, relation, parameters);
  const query = parseQuery(asked);
  const given = query.ranges.findLast(({ path }) => path.length === 0)?.item;
  const range = rootRange(rangeOf(request), given);
  const node = planRead(catalog, relation, query, range, settings);
  const subject = { name: relation, value: null, isWholeRow: isDefaultSelect(query) };
  const chosen = chooseReadMedia(catalog, subject, request.headers.accept, settings.planEnabled);
  const media = key === null ? chosen : asRow(chosen);
  // Who is answered something else has asked for a filter, and is told of it.
  if (asked !== parameters && media.format.kind !== "records") parseQuery(parameters);

  const isRows = media.format.kind === "array" || media.format.kind === "object" || media.format.kind === "records";
  const terms =
    takesCursors(settings, relation, key) && isRows && rangeOf(request) === undefined ? completeKeyset(node) : null;
  if (cursor !== null && cursor.values.length !== terms?.length) assertScope(cursor, "");
  const types = await context.resolveTypes(castsOf(query));
  const encoder =
    media.format.kind === "records"
      ? (await import("./protobuf/index.ts")).encodeRows(
          { catalog, schema: relation.schema, basePath: request.basePath },
          node,
          undefined,
          isSingular(media),
          types,
        )
      : undefined;
  const { updatedAtColumn } = settings;
  const isDated = key !== null && isRows && updatedAtColumn !== null && isTimestamp(relation, updatedAtColumn);
  const options: ReadOptions = {
    format: media.format,
    count: preferences.count ?? null,
    maxRows: settings.maxRows,
    isWhole: range.limit === undefined && range.offset === 0 && cursor === null,
    readsReplySettings: usesRequestSettings(settings, request) || media.format.kind === "handler",
    modifiedColumn: isDated ? updatedAtColumn : null,
    cursor:
      terms === null || (cursor === null && node.range.limit === undefined)
        ? null
        : { terms, after: cursor?.values.map((value) => value === null) ?? null },
    explain: media.explain,
    types,
    catalogVersion: catalog.version,
    isSingleRow: isSingleRow(relation, query, node.range),
  };
  const compiled = compileRead(node, options);
  const plan: ReadPlan = {
    compiled,
    mode: { ...READ, batch: batchShape(settings, node, options, compiled) },
    media: encoder === undefined ? media : { ...media, contentType: encoder.contentType },
    encoder,
    offset: range.offset,
    pageLimit: node.range.limit,
    keyset: terms === null ? null : { terms, scope: cursorScope(node, terms) },
    caching: context.queryCache?.plan(node, {
      isExplained: media.explain !== null,
      isEstimated: compiled.plannedCount !== null,
      isHandled: media.format.kind === "handler",
    }),
    canonical: canonicalTemplate(parameters, operands),
  };
  return { ...plan, quick: quickRead(settings, node, options, plan) };
}

/** Lists and rows with embedded ones: the JSON of a row by itself costs the database next to nothing. */
function quickRead(
  settings: PostgresSettings,
  node: ReadNode,
  options: ReadOptions,
  plan: ReadPlan,
): QuickRead | undefined {
  const { format, explain } = options;
  if ((format.kind !== "array" && format.kind !== "object") || format.stripNulls || explain !== null) return undefined;
  if (plan.compiled.layout.pageCount === -1 && node.children.length === 0) return undefined;
  const rows = planJsonRows(node, plan.media.contentType, format.kind, options.cursor?.terms);
  if (rows === undefined) return undefined;
  const own: ReadOptions = {
    ...options,
    format: { kind: "records", isSingular: format.kind === "object" },
    tellsZone: rows.isZoned,
    showsCursor: rows.encoder.lastValues === undefined,
  };
  const compiled = compileRead(rows.node, own);
  const mode = { ...READ, batch: batchShape(settings, rows.node, own, compiled) };
  return { plan: { ...plan, compiled, mode, encoder: rows.encoder }, isOff: false };
}

/** Reads that a function precedes or the planner is asked about go alone. */
function batchShape(
  { pool: { maxBatch }, preRequest }: PostgresSettings,
  node: ReadNode,
  options: ReadOptions,
  { plannedCount, layout: { replyHeaders, replyStatus } }: CompiledRead,
): BatchShape | undefined {
  if (maxBatch === 1 || preRequest !== null || plannedCount !== null || options.explain !== null) return undefined;
  return new BatchShape({
    template: makeBatchTemplate(node, options),
    private: [replyHeaders, replyStatus].filter((field) => field !== -1),
    most: maxBatch,
  });
}

/** At most one row can match: every column of a table's primary key is compared with one value. */
export function isSingleRow(relation: Relation, query: QueryTree, range: RowRange): boolean {
  // A view's key is that of its base table, and the view may show a row twice.
  if (!relation.kind.endsWith("table") || relation.primaryKey.length === 0) return false;
  if (range.offset > 0 || range.limit === 0) return false;
  if (query.select.some((item) => item.kind === "field" && item.aggregate !== undefined)) return false;
  if (query.select.some((item) => item.kind === "relation" && item.spread)) return false;
  return relation.primaryKey.every((name) =>
    query.filters.some(({ path, item: { field, negated, operation } }) => {
      const isOfKey = path.length === 0 && field.name === name && field.path.length === 0;
      const isEqual = operation.kind === "compare" && operation.operator === "eq" && operation.quantifier === undefined;
      return isOfKey && isEqual && !negated;
    }),
  );
}

/** A row path answers the object itself. */
export function asRow(media: ReadMedia): ReadMedia {
  if (media.format.kind === "records") return { ...media, format: { ...media.format, isSingular: true } };
  if (media.format.kind !== "array") return media;
  return { ...media, format: { ...media.format, kind: "object" } };
}

/** All columns and nothing else. */
export function isDefaultSelect({ select }: QueryTree): boolean {
  const [first, ...rest] = select;
  return rest.length === 0 && first?.kind === "field" && first.field.name === "*" && first.aggregate === undefined;
}

/** Whether a column can say when its row was changed. */
export function isTimestamp(relation: Relation, name: string): boolean {
  return /^timestamp[^[]*$/.test(relation.columns.get(name)?.baseType ?? "");
}

/** The types that a selection casts to. */
export function castsOf({ select }: Pick<QueryTree, "select">): readonly string[] {
  return select.flatMap((item) => {
    if (item.kind === "relation") return castsOf(item);
    return [item.cast, item.aggregateCast].filter((cast) => cast !== undefined);
  });
}

/** A column named like the parameter keeps its meaning, and the relation goes without cursors. */
export function takesCursors(
  { cursors }: PostgresSettings,
  relation: Relation,
  key: readonly string[] | null,
): boolean {
  return cursors && key === null && !relation.columns.has("after");
}

/** A range is asked for by GET alone (RFC 9110 section 14.2). */
export function rangeOf({ method, headers }: Pick<SourceRequest, "method" | "headers">): string | undefined {
  return method === "GET" ? headers.range : undefined;
}
