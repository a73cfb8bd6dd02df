import type { PostgresSettings } from "../api/settings.ts";
import type { SourceReply } from "../api/source.ts";
import { HotpathError } from "../errors.ts";
import { formatLink } from "../http/index.ts";
import { formatCursor } from "./cursor.ts";
import { DialectError } from "./dialect-error.ts";
import { besideFieldTexts, toFieldText } from "./field-text.ts";
import { isSingular, READ_VARY } from "./media.ts";
import type { CommandResult } from "./pool/index.ts";
import { appliedToRead, NO_PREFERENCES, type Preferences } from "./preferences.ts";
import { canonicalQuery, fillCanonical } from "./query/canonical-query.ts";
import type { QueryParameter } from "./query/query-string.ts";
import type { ReadPlan, ReadRequest, ReadTarget } from "./read-plan.ts";
import { withReplySettings } from "./reply-settings.ts";
import { outOfBounds, rangeReply } from "./row-range.ts";

/** The execution plan as the database prints it, line by line. */
export function explainReply({ media }: Pick<ReadPlan, "media">, [main]: readonly CommandResult[]): SourceReply {
  const body = (main?.rows ?? []).map(([line]) => `${line}\n`).join("");
  return { status: 200, headers: { "content-type": media.contentType }, body, validate: false };
}

/** One read on its way to a reply. */
export interface ReadExchange {
  readonly settings: PostgresSettings;
  readonly request: ReadRequest;
  readonly target: ReadTarget;
  readonly preferences: Preferences;
  readonly plan: ReadPlan;
}

/**
 * The reply to the rows that were read.
 *
 * @param given the query's parameters, those of a row path included.
 * @param operands what the request put into its plan's shape; null behind a cursor, which the shape leaves out.
 */
export function toReply(
  exchange: ReadExchange,
  [main, planned]: readonly CommandResult[],
  given: readonly QueryParameter[],
  operands: readonly (string | undefined)[] | null,
): SourceReply {
  const { target, preferences, plan } = exchange;
  const rows = main?.rows ?? [];
  const row = rows[0] ?? [];
  const { layout } = plan.compiled;
  const pageCount = layout.pageCount === -1 ? countAlone(rows, layout.body) : Number(row[layout.pageCount]);
  if ((target.key !== null || isSingular(plan.media)) && pageCount !== 1) throw notSingular(target, pageCount);
  const total = totalRows(exchange, row[layout.total], planned);
  const { status, contentRange } = rangeReply(plan.offset, pageCount, total);
  if (status === 416) throw outOfBounds(plan.offset, total ?? 0);

  const headers: Record<string, string> = { "content-type": plan.media.contentType };
  if (target.key === null) {
    headers["content-range"] = contentRange;
    headers["content-location"] = contentLocation(exchange, given, operands);
  }
  headers["vary"] = READ_VARY;
  if (target.namesProfile) headers["content-profile"] = toFieldText(target.relation.schema);
  const applied = preferences === NO_PREFERENCES ? undefined : appliedToRead(preferences, false);
  if (applied !== undefined) headers["preference-applied"] = applied;
  const next = nextLink(exchange, row, pageCount, given);
  if (next !== undefined) headers["link"] = next;
  const body = bodyOf(plan, row[layout.body]);
  const isText = target.namesProfile && typeof body === "string";
  const reply: SourceReply = { status, headers, body: isText ? besideFieldTexts(body) : body };
  const modified = layout.modified === -1 ? null : row[layout.modified];
  if (modified !== null && modified !== undefined) reply.modifiedMs = Number(modified);
  return withReplySettings(reply, row[layout.replyHeaders], row[layout.replyStatus]);
}

/** A row that was read alone is there if it became anything. */
function countAlone(rows: CommandResult["rows"], body: number): number {
  return rows.filter((row) => row[body] !== null).length;
}

/** What PostgreSQL made of the rows; a row that was read alone is put into its list here. */
function bodyOf({ compiled, media, encoder }: ReadPlan, made: string | null | undefined): string | Uint8Array {
  if (encoder !== undefined) return encoder.encode(made ?? null);
  if ("isBinary" in media.format && media.format.isBinary) return Buffer.from(made ?? "", "hex");
  if (compiled.layout.pageCount !== -1 || media.format.kind !== "array") return made ?? "";
  return made === undefined || made === null ? "[]" : `[${made}]`;
}

/** The refusal of a single object where there is another number of rows. */
export function notSingular({ relation, key }: ReadTarget, pageCount: number): Error {
  if (key !== null)
    return new HotpathError("HP_NOT_FOUND", `${relation.name} has no row with the key ${key.join(",")}.`);
  return new DialectError("PGRST116", 406, "Cannot coerce the result to a single JSON object", {
    details: `The result contains ${pageCount} rows`,
  });
}

function totalRows(
  { settings, preferences: { count } }: ReadExchange,
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
function contentLocation(
  { request, target, plan }: ReadExchange,
  given: readonly QueryParameter[],
  operands: readonly (string | undefined)[] | null,
): string {
  const path = `${request.basePath}/${encodeURIComponent(target.relation.name)}`;
  if (given.length === 0) return path;
  return `${path}?${operands === null ? canonicalQuery(given) : fillCanonical(plan.canonical, operands)}`;
}

/** The next page, when this one is full: its cursor is the last row's place in the order. */
function nextLink(
  { request, plan: { compiled, encoder, keyset, pageLimit } }: ReadExchange,
  row: readonly (string | null)[],
  pageCount: number,
  given: readonly QueryParameter[],
): string | undefined {
  const { cursor, body } = compiled.layout;
  if (keyset === null || pageCount === 0 || pageCount !== pageLimit) return undefined;
  const last = cursor === -1 ? encoder?.lastValues?.(row[body] ?? "") : row.slice(cursor, cursor + keyset.terms.length);
  const after = last && formatCursor(keyset.scope, last);
  if (after === undefined) return undefined;
  return formatLink(`${request.path}?${keptQuery(request.query, given)}after=${after}`, { rel: "next" });
}

/** The parameters that the next page has in common with this one, ready to be continued. */
function keptQuery(raw: string, given: readonly QueryParameter[]): string {
  // As the client wrote it, where that can stand in a Link.
  if (LINKABLE.test(raw) && given.every(isKept)) return `${raw}&`;
  return given
    .filter(isKept)
    .map(
      ({ name, value, hasValue }) => `${encodeURIComponent(name)}${hasValue ? `=${encodeURIComponent(value)}` : ""}&`,
    )
    .join("");
}

/** Characters of a query (RFC 3986 section 3.4). */
const LINKABLE = /^[\w.~!$&'()*+,;=:@/?%-]+$/;

function isKept({ name }: QueryParameter): boolean {
  return name !== "after" && name !== "offset";
}
