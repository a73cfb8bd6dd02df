import type { SourceRequest } from "../api/source-request.ts";
import { type Catalog, type Column, type Relation, representationKey } from "./catalog/types.ts";
import { DialectError } from "./dialect-error.ts";
import type { Idempotency } from "./idempotency/index.ts";
import { chooseReadMedia, isSingular, type ReadMedia, type RowsEncoder } from "./media.ts";
import type { PlanCache } from "./plan-cache.ts";
import type { Preferences } from "./preferences.ts";
import type { QueryTree, SelectItem } from "./query/ast.ts";
import { planConditions, planRead } from "./query/build-plan.ts";
import { type CompiledWrite, compileWrite, WRITTEN } from "./query/compile-write.ts";
import { parseQuery } from "./query/parse.ts";
import type { ContentForm, PlannedConflict, PlannedWrite } from "./query/planned-write.ts";
import type { QueryParameter } from "./query/query-string.ts";
import { asRow, castsOf, isDefaultSelect, isSingleRow, type ReadContext, type ReadTarget } from "./read-plan.ts";
import { rootRange } from "./row-range.ts";
import { usesRequestSettings } from "./transaction.ts";
import { withoutMask } from "./url-mask.ts";
import type { Turns } from "./turns.ts";

/** What writing relations needs of its source. */
export interface WriteContext extends ReadContext {
  readonly writePlans: PlanCache<WritePlan>;
  readonly idempotency: Idempotency;
  /** Content that is held as a whole; longer lists are inserted in bulk. */
  readonly maxBodyBytes: number;
  /** Does a bulk insert if there are not too many under way: each holds a connection for as long as its client sends. */
  readonly bulkTurns: Turns;
}

/** Everything about a write that others of the same shape can use again. */
export interface WritePlan {
  readonly compiled: CompiledWrite;
  readonly media: ReadMedia;
  /** Where rows are answered as records. */
  readonly encoder: RowsEncoder | undefined;
  /** Columns whose values name the row in `Location`; none where it is not asked for. */
  readonly location: readonly string[];
  /** What `Prefer: resolution=` came to; null where there is nothing to be in conflict with. */
  readonly resolution: PlannedConflict["resolution"] | null;
  /** `Preference-Applied`, by what was preferred. */
  readonly applied: WeakMap<Preferences, string | undefined>;
  /** The rows of several such statements can be answered as one list. */
  readonly isListable: boolean;
}

/** A write's content as its statement takes it. */
export interface WrittenContent {
  readonly form: ContentForm;
  readonly names: readonly string[];
  /** Of the names, in the form `members`: those that the content has none of. */
  readonly missing: ReadonlySet<string>;
}

/** Parses, plans and compiles a write. */
export async function makeWritePlan(
  context: WriteContext,
  request: SourceRequest,
  target: ReadTarget,
  preferences: Preferences,
  parameters: readonly QueryParameter[],
  content: WrittenContent,
): Promise<WritePlan> {
  const { catalog, settings } = context;
  const { relation, key } = target;
  const { method } = request;
  const asked = await withoutMask(catalog, request, relation, parameters);
  const query = parseQuery(asked);
  refuseRange(method, query);
  if (method === "PUT") refuseFilters(relation, query);
  const isAnswered = preferences.representation === "representation";
  const subject = { name: relation, value: null, isWholeRow: isDefaultSelect(query) };
  const chosen = chooseReadMedia(catalog, subject, request.headers.accept, settings.planEnabled);
  const media = key === null ? chosen : asRow(chosen);
  // Who is answered something else has asked for a filter, and is told of it.
  if (asked !== parameters && media.format.kind !== "records") parseQuery(parameters);
  const planned = planWrite(catalog, relation, method, preferences, query, content);
  const isSingle = planned.command === "insert" ? content.form !== "list" : isSingleRow(relation, query, { offset: 0 });
  const format = isAnswered ? media.format : null;
  const isDirect = isSingle && media.explain === null && (format === null || isPlain(query, media));
  const returned = isAnswered
    ? withoutStar(relation, query, isDirect)
    : { ...query, select: embedsOf(query), order: [] };
  const node = planRead(
    catalog,
    relation,
    belowRoot(returned),
    { offset: 0 },
    { ...settings, maxRows: null },
    isDirect ? undefined : WRITTEN,
  );
  const types = await context.resolveTypes(castsOf(returned));
  const encoder =
    format?.kind === "records"
      ? (await import("./protobuf/index.ts")).encodeRows(
          { catalog, schema: relation.schema, basePath: request.basePath },
          node,
          undefined,
          isSingular(media),
          types,
        )
      : undefined;
  const isNamed = method === "POST" && preferences.representation === "headers-only";
  const location = isNamed ? [...relation.columns.keys()].filter((name) => relation.primaryKey.includes(name)) : [];
  const compiled = compileWrite(planned, node, {
    format,
    location,
    countsMerged: planned.conflict?.resolution === "merge-duplicates",
    readsReplySettings: usesRequestSettings(settings, request),
    explain: media.explain,
    types,
    catalogVersion: catalog.version,
  });
  const isListable = media.format.kind === "array" && media.explain === null && isRowByRow(query);
  return {
    compiled,
    media: encoder === undefined ? media : { ...media, contentType: encoder.contentType },
    encoder,
    location,
    resolution: planned.conflict?.resolution ?? null,
    applied: new WeakMap(),
    isListable,
  };
}

function planWrite(
  catalog: Catalog,
  relation: Relation,
  method: string,
  preferences: Preferences,
  query: QueryTree,
  { form, names, missing }: WrittenContent,
): PlannedWrite {
  // A PUT is the whole row.
  const fillsDefaults = preferences.missing === "default" && method !== "PUT";
  return {
    relation,
    command: method === "DELETE" ? "delete" : method === "PATCH" ? "update" : "insert",
    content: form,
    columns: names.map((name) => {
      const column = columnOf(relation, name);
      const transform = catalog.representations.get(representationKey("json", column.type))?.function;
      // A domain may refuse the null that a missing member is at first.
      const type = fillsDefaults && column.isDomain ? openType(column) : column.declaredType;
      return { name, type, transform, default: column.default, isMissing: missing.has(name) };
    }),
    fillsDefaults,
    conflict: conflictOf(relation, method, preferences, query),
    where: method === "POST" ? [] : planConditions(catalog, relation, query),
  };
}

/** @throws DialectError PGRST204. */
function columnOf(relation: Relation, name: string): Column {
  const column = relation.columns.get(name);
  if (column !== undefined) return column;
  const message = `Could not find the '${name}' column of '${relation.name}' in the schema cache`;
  throw new DialectError("PGRST204", 400, message);
}

/** What a domain rests on, of any length: the bare names of these two mean a length of 1. */
function openType({ baseType }: Column): string {
  return baseType === "character" ? "bpchar" : baseType === "bit" ? '"bit"' : baseType;
}

/** @throws DialectError 42703, as PostgreSQL would answer a column that is not there. */
function conflictOf(
  { primaryKey, columns: known }: Relation,
  method: string,
  { resolution }: Preferences,
  { onConflict }: QueryTree,
): PlannedConflict | null {
  if (method === "PUT") return { resolution: "merge-duplicates", columns: primaryKey };
  if (method !== "POST" || resolution === undefined) return null;
  const columns = onConflict ?? primaryKey;
  const unknown = columns.find((name) => !known.has(name));
  if (unknown !== undefined) throw new DialectError("42703", 400, `column "${unknown}" does not exist`);
  return columns.length === 0 ? null : { resolution, columns };
}

/** Ranges are checked, and have no effect on what is written (PostgREST 12 gave that up). */
function refuseRange(method: string, { ranges }: QueryTree): void {
  const given = ranges.findLast(({ path }) => path.length === 0)?.item;
  const { limit, offset } = rootRange(undefined, given);
  if (method === "PUT" && (limit !== undefined || offset > 0)) {
    throw new DialectError("PGRST114", 400, "limit/offset querystring parameters are not allowed for PUT");
  }
}

/** A PUT names one row by its key, and nothing else. */
function refuseFilters({ primaryKey }: Relation, { filters, logic }: QueryTree): void {
  const names = new Set(filters.filter(({ path }) => path.length === 0).map(({ item }) => item.field.name));
  const isEqual = filters.every(({ path, item: { field, negated, operation } }) => {
    if (path.length > 0) return true;
    const isPlainEqual = operation.kind === "compare" && operation.operator === "eq" && !operation.quantifier;
    return isPlainEqual && !negated && field.path.length === 0;
  });
  const isKey =
    primaryKey.length > 0 && names.size === primaryKey.length && primaryKey.every((name) => names.has(name));
  if (isEqual && isKey && logic.length === 0) return;
  throw new DialectError("PGRST105", 405, "Filters must include all and only primary key columns with 'eq' operators");
}

/** What is answered consists of columns of the row alone. */
function isPlain({ select }: QueryTree, { format }: ReadMedia): boolean {
  const isOfRows = format.kind === "array" || format.kind === "object" || format.kind === "records";
  return isOfRows && select.length > 0 && select.every((item) => item.kind === "field" && item.aggregate === undefined);
}

/** What is answered of a row does not depend on others. */
function isRowByRow({ select, order }: QueryTree): boolean {
  return (
    order.every(({ path }) => path.length > 0) &&
    select.every((item) => (item.kind === "field" ? item.aggregate === undefined : !item.spread))
  );
}

/** Beside computed columns, which the star of what a write returned would then show too, the star is written out. */
function withoutStar(relation: Relation, query: QueryTree, isDirect: boolean): QueryTree {
  if (isDirect || !query.select.some(isStar)) return query;
  const columns = [...relation.columns.keys()].map((name): SelectItem => ({
    kind: "field",
    field: { name, path: [] },
  }));
  return { ...query, select: query.select.flatMap((item) => (isStar(item) ? columns : [item])) };
}

function isStar(item: SelectItem): boolean {
  return item.kind === "field" && item.field.name === "*" && item.aggregate === undefined;
}

/** Nothing is answered, but whatever is addressed to an embedded relation must have one: it may be a mistaken filter. */
function embedsOf({ select }: Pick<QueryTree, "select">): readonly SelectItem[] {
  return select.filter((item) => item.kind === "relation").map((item) => ({ ...item, select: embedsOf(item) }));
}

/** The root's conditions are those of the write. */
function belowRoot(query: QueryTree): QueryTree {
  return {
    ...query,
    filters: query.filters.filter(({ path }) => path.length > 0),
    logic: query.logic.filter(({ path }) => path.length > 0),
  };
}
