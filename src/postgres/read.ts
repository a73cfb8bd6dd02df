import type { SourceReply, SourceRequest } from "../api/source.ts";
import type { PostgresSettings } from "../api/settings.ts";
import { HotpathError } from "../errors.ts";
import { formatLink } from "../http/index.ts";
import { isToken } from "../http/syntax.ts";
import type { Catalog, Relation } from "./catalog/types.ts";
import { assertScope, completeKeyset, type Cursor, cursorScope, formatCursor, parseCursor } from "./cursor.ts";
import { DialectError } from "./dialect-error.ts";
import { besideFieldTexts, toFieldText } from "./field-text.ts";
import { chooseReadMedia, type ReadMedia } from "./media.ts";
import type { Command, CommandResult } from "./pool/index.ts";
import type { PlanCache } from "./plan-cache.ts";
import { appliedToRead, type Preferences } from "./preferences.ts";
import { planRead } from "./query/build-plan.ts";
import { type CompiledRead, compileRead } from "./query/compile-read.ts";
import type { QueryTree } from "./query/ast.ts";
import type { CursorTerm } from "./query/cursor-sql.ts";
import { parseQuery } from "./query/parse.ts";
import { canonicalQuery, parseQueryString, type QueryParameter, shapeOf } from "./query/query-string.ts";
import { bindTemplate, type Bindings, type Template } from "./query/statement.ts";
import { outOfBounds, rangeReply, rootRange } from "./row-range.ts";

/** What reading relations needs of its source. */
export interface ReadContext {
  readonly settings: PostgresSettings;
  readonly catalog: Catalog;
  readonly plans: PlanCache<ReadPlan>;
  /** SQL names of the types that casts name; unknown ones are left out. */
  resolveTypes(casts: readonly string[]): Promise<ReadonlyMap<string, string>>;
  /** Runs the commands in one transaction, after those that open it for the request. */
  run(commands: readonly Command[]): Promise<readonly CommandResult[]>;
}

/** A read to answer: a relation, or one row of it. */
export interface ReadTarget {
  readonly relation: Relation;
  /** Values of the primary key from the path, or null for the whole relation. */
  readonly key: readonly string[] | null;
  /** The profile was negotiated, so the reply names it. */
  readonly namesProfile: boolean;
}

/** Everything about a read that other requests of the same shape can use again. */
export interface ReadPlan {
  readonly compiled: CompiledRead;
  readonly media: ReadMedia;
  /** As the request asked, before any cap of the settings: what `Content-Range` counts from. */
  readonly offset: number;
  readonly pageLimit: number | undefined;
  readonly keyset: { readonly terms: readonly CursorTerm[]; readonly scope: string } | null;
}

/** Answers GET and HEAD of a relation or a row. */
export async function read(
  context: ReadContext,
  request: SourceRequest,
  target: ReadTarget,
  preferences: Preferences,
): Promise<SourceReply> {
  const given = withKey(target, parseQueryString(request.query));
  const { parameters, cursor } = takeCursor(context.settings, target, given);
  const shape = shapeOf(parameters);
  const key = shapeKey(request, target, preferences, cursor, shape.key);
  let plan = context.plans.get(key);
  if (plan === undefined) {
    plan = await makePlan(context, request, target, preferences, parameters, cursor);
    context.plans.set(key, plan);
  }
  if (cursor !== null) assertScope(cursor, plan.keyset?.scope ?? "");
  const bindings = { operands: shape.operands, cursor: cursor?.values ?? [] };
  const commands = [bind(plan.compiled.main, bindings, parameters)];
  if (plan.compiled.plannedCount !== null) commands.push(bind(plan.compiled.plannedCount, bindings, parameters));
  const results = await context.run(commands);
  if (plan.media.explain !== null) return explainReply(plan, results);
  return toReply(context, request, target, preferences, plan, results, given);
}

/** The key of a row path as filters before those of the query. */
function withKey({ relation, key }: ReadTarget, parameters: readonly QueryParameter[]): readonly QueryParameter[] {
  if (key === null) return parameters;
  if (relation.primaryKey.length === 0) {
    throw new HotpathError("HP_NOT_FOUND", `${relation.name} has no primary key, so its rows have no paths.`);
  }
  if (key.length !== relation.primaryKey.length) {
    throw new HotpathError(
      "HP_NOT_FOUND",
      `The key of ${relation.name} has ${relation.primaryKey.length} parts (${relation.primaryKey.join(",")}), not ${key.length}.`,
    );
  }
  const filters = relation.primaryKey.map((name, index) => ({
    name: `"${name.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`,
    value: `eq.${key[index]}`,
    hasValue: true,
  }));
  return [...filters, ...parameters];
}

/** Takes `after` out of the parameters, unless the relation has a column of that name to filter by. */
function takeCursor(
  settings: PostgresSettings,
  { relation, key }: ReadTarget,
  parameters: readonly QueryParameter[],
): { parameters: readonly QueryParameter[]; cursor: Cursor | null } {
  const after = takesCursors(settings, relation, key) ? parameters.find(({ name }) => name === "after") : undefined;
  if (after === undefined) return { parameters, cursor: null };
  return { parameters: parameters.filter(({ name }) => name !== "after"), cursor: parseCursor(after.value) };
}

/** A column named like the parameter keeps its meaning, and the relation goes without cursors. */
function takesCursors({ cursors }: PostgresSettings, relation: Relation, key: readonly string[] | null): boolean {
  return cursors && key === null && !relation.columns.has("after");
}

/** All that a plan depends on besides catalog and settings; a new catalog comes with a new cache. */
function shapeKey(
  request: SourceRequest,
  { relation, key }: ReadTarget,
  { count }: Preferences,
  cursor: Cursor | null,
  query: string,
): string {
  const nulls = cursor === null ? "-" : cursor.values.map((value) => (value === null ? "n" : "v")).join("");
  const range = rangeOf(request) ?? "";
  const kind = key === null ? "list" : "row";
  const { accept = "" } = request.headers;
  return `${relation.oid}\0${kind}\0${accept}\0${count ?? ""}\0${range}\0${nulls}\0${query}`;
}

/** A range is asked for by GET alone (RFC 9110 section 14.2). */
function rangeOf({ method, headers }: SourceRequest): string | undefined {
  return method === "GET" ? headers.range : undefined;
}

async function makePlan(
  context: ReadContext,
  request: SourceRequest,
  target: ReadTarget,
  preferences: Preferences,
  parameters: readonly QueryParameter[],
  cursor: Cursor | null,
): Promise<ReadPlan> {
  const { catalog, settings } = context;
  const { relation, key } = target;
  const query = parseQuery(parameters);
  const given = query.ranges.findLast(({ path }) => path.length === 0)?.item;
  const range = rootRange(rangeOf(request), given);
  const node = planRead(catalog, relation, query, range, settings);
  const isWholeRow = isDefaultSelect(query);
  const chosen = chooseReadMedia(catalog, relation, request.headers.accept, isWholeRow, settings.planEnabled);
  const media = key === null ? chosen : asRow(chosen);

  const isRows = media.format.kind === "array" || media.format.kind === "object";
  const terms =
    takesCursors(settings, relation, key) && isRows && rangeOf(request) === undefined ? completeKeyset(node) : null;
  if (cursor !== null && cursor.values.length !== terms?.length) assertScope(cursor, "");
  const { updatedAtColumn } = settings;
  const isDated = key !== null && isRows && updatedAtColumn !== null && isTimestamp(relation, updatedAtColumn);
  const compiled = compileRead(node, {
    format: media.format,
    count: preferences.count ?? null,
    maxRows: settings.maxRows,
    isWhole: range.limit === undefined && range.offset === 0 && cursor === null,
    readsReplySettings: settings.anonRole !== null || settings.preRequest !== null,
    modifiedColumn: isDated ? updatedAtColumn : null,
    cursor:
      terms === null || (cursor === null && node.range.limit === undefined)
        ? null
        : { terms, after: cursor?.values.map((value) => value === null) ?? null },
    explain: media.explain,
    types: await context.resolveTypes(castsOf(query)),
    catalogVersion: catalog.version,
  });
  return {
    compiled,
    media,
    offset: range.offset,
    pageLimit: node.range.limit,
    keyset: terms === null ? null : { terms, scope: cursorScope(node, terms) },
  };
}

/** A row path answers the object itself. */
function asRow(media: ReadMedia): ReadMedia {
  if (media.format.kind !== "array") return media;
  return { ...media, format: { ...media.format, kind: "object" } };
}

function isDefaultSelect({ select }: QueryTree): boolean {
  const [first, ...rest] = select;
  return rest.length === 0 && first?.kind === "field" && first.field.name === "*" && first.aggregate === undefined;
}

function isTimestamp(relation: Relation, name: string): boolean {
  return /^timestamp[^[]*$/.test(relation.columns.get(name)?.baseType ?? "");
}

function castsOf({ select }: Pick<QueryTree, "select">): readonly string[] {
  return select.flatMap((item) => {
    if (item.kind === "relation") return castsOf(item);
    return [item.cast, item.aggregateCast].filter((cast) => cast !== undefined);
  });
}

function bind(template: Template, bindings: Bindings, parameters: readonly QueryParameter[]): Command {
  const values = bindTemplate(template, bindings);
  if (values !== undefined) return { statement: template.statement, values };
  // An operand is not a list where its shape has one: parsing says where it goes wrong.
  parseQuery(parameters);
  throw new Error("an operand could not be bound");
}

function explainReply(plan: ReadPlan, [main]: readonly CommandResult[]): SourceReply {
  const body = (main?.rows ?? []).map(([line]) => `${line}\n`).join("");
  return { status: 200, headers: { "content-type": plan.media.contentType }, body, validate: false };
}

function toReply(
  context: ReadContext,
  request: SourceRequest,
  target: ReadTarget,
  preferences: Preferences,
  plan: ReadPlan,
  [main, planned]: readonly CommandResult[],
  parameters: readonly QueryParameter[],
): SourceReply {
  const row = main?.rows[0] ?? [];
  const { layout } = plan.compiled;
  const pageCount = Number(row[layout.pageCount]);
  const isSingular = plan.media.format.kind === "object" || target.key !== null;
  if (isSingular && pageCount !== 1) throw notSingular(target, pageCount);
  const total = totalRows(context.settings, preferences, row[layout.total], planned);
  const { status, contentRange } = rangeReply(plan.offset, pageCount, total);
  if (status === 416) throw outOfBounds(plan.offset, total ?? 0);

  const headers: Record<string, string> = { "content-type": plan.media.contentType };
  if (target.key === null) {
    headers["content-range"] = contentRange;
    headers["content-location"] = contentLocation(request, target.relation, parameters);
  }
  if (target.namesProfile) headers["content-profile"] = toFieldText(target.relation.schema);
  const applied = preferences.unknown === undefined ? undefined : appliedToRead(preferences, false);
  if (applied !== undefined) headers["preference-applied"] = applied;
  const next = nextLink(request, plan, row, pageCount, parameters);
  if (next !== undefined) headers["link"] = next;
  const body = row[layout.body] ?? "";
  const reply: SourceReply = { status, headers, body: target.namesProfile ? besideFieldTexts(body) : body };
  const modified = layout.modified === -1 ? null : row[layout.modified];
  if (modified !== null && modified !== undefined) reply.modifiedMs = Number(modified);
  return withReplySettings(reply, row[layout.replyHeaders], row[layout.replyStatus]);
}

function notSingular({ relation, key }: ReadTarget, pageCount: number): Error {
  if (key !== null)
    return new HotpathError("HP_NOT_FOUND", `${relation.name} has no row with the key ${key.join(",")}.`);
  return new DialectError("PGRST116", 406, "Cannot coerce the result to a single JSON object", {
    details: `The result contains ${pageCount} rows`,
  });
}

function totalRows(
  settings: PostgresSettings,
  { count }: Preferences,
  counted: string | null | undefined,
  planned: CommandResult | undefined,
): number | null {
  const exact = counted === null || counted === undefined ? null : Number(counted);
  if (count === undefined || planned === undefined) return exact;
  const estimate = plannedRows(planned);
  if (count === "planned" || exact === null) return estimate;
  return settings.maxRows !== null && exact > settings.maxRows ? Math.max(exact, estimate ?? 0) : exact;
}

function plannedRows(planned: CommandResult): number | null {
  const plans = JSON.parse(planned.rows[0]?.[0] ?? "[]") as readonly { Plan?: { "Plan Rows"?: number } }[];
  return plans[0]?.Plan?.["Plan Rows"] ?? null;
}

/** The dialect names the resource with its parameters in alphabetical order. */
function contentLocation(request: SourceRequest, relation: Relation, parameters: readonly QueryParameter[]): string {
  const path = `${request.basePath}/${encodeURIComponent(relation.name)}`;
  return parameters.length === 0 ? path : `${path}?${canonicalQuery(parameters, request.query)}`;
}

/** The next page, when this one is full: its cursor is the last row's place in the order. */
function nextLink(
  request: SourceRequest,
  { compiled, keyset, pageLimit }: ReadPlan,
  row: readonly (string | null)[],
  pageCount: number,
  parameters: readonly QueryParameter[],
): string | undefined {
  const { cursor } = compiled.layout;
  if (keyset === null || cursor === -1 || pageCount === 0 || pageCount !== pageLimit) return undefined;
  const after = formatCursor(keyset.scope, row.slice(cursor, cursor + keyset.terms.length));
  if (after === undefined) return undefined;
  const kept = parameters.filter(({ name }) => name !== "after" && name !== "offset");
  const query = [...kept, { name: "after", value: after, hasValue: true }]
    .map(({ name, value, hasValue }) => encodeURIComponent(name) + (hasValue ? `=${encodeURIComponent(value)}` : ""))
    .join("&");
  return formatLink(`${request.path}?${query}`, { rel: "next" });
}

/** Headers and status that a database function chose (`response.headers`, `response.status`). */
function withReplySettings(
  reply: SourceReply,
  headers: string | null | undefined,
  status: string | null | undefined,
): SourceReply {
  if (headers !== null && headers !== undefined) {
    Object.assign(reply.headers, parseReplyHeaders(headers));
    if (typeof reply.body === "string") reply.body = besideFieldTexts(reply.body);
  }
  if (status !== null && status !== undefined) reply.status = parseReplyStatus(status);
  return reply;
}

function parseReplyHeaders(text: string): Record<string, string | string[]> {
  const failure = new DialectError(
    "PGRST111",
    500,
    "response.headers guc must be a JSON array composed of objects with a single key and a string value",
  );
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch {
    throw failure;
  }
  if (!Array.isArray(list)) throw failure;
  const headers: Record<string, string | string[]> = {};
  for (const item of list as readonly unknown[]) {
    const [pair, ...more] = typeof item === "object" && item !== null ? Object.entries(item) : [];
    if (pair === undefined || more.length > 0 || typeof pair[1] !== "string" || !isToken(pair[0])) throw failure;
    const name = pair[0].toLowerCase();
    const value = toFieldText(pair[1]);
    const before = headers[name];
    headers[name] = before === undefined ? value : [...(Array.isArray(before) ? before : [before]), value];
  }
  return headers;
}

function parseReplyStatus(text: string): number {
  const status = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (status >= 200 && status <= 599) return status;
  throw new DialectError("PGRST112", 500, "response.status guc must be a valid status code");
}
