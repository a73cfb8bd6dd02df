import type { PostgresSettings } from "../api/settings.ts";
import type { SourceReply } from "../api/source.ts";
import type { SourceRequest } from "../api/source-request.ts";
import { HotpathError } from "../errors.ts";
import { DialectError } from "./dialect-error.ts";
import { besideFieldTexts, toFieldText } from "./field-text.ts";
import { isSingular } from "./media.ts";
import type { CommandResult } from "./pool/index.ts";
import { allowsOverride, appliedToWrite, NO_PREFERENCES, type Preferences } from "./preferences.ts";
import type { ReadTarget } from "./read-plan.ts";
import { notSingular } from "./read-reply.ts";
import { withReplySettings } from "./reply-settings.ts";
import type { TransactionMode } from "./run-transaction.ts";
import type { WritePlan } from "./write-plan.ts";

/** One write on its way to a reply. */
export interface WriteExchange {
  readonly settings: PostgresSettings;
  readonly request: SourceRequest;
  readonly target: ReadTarget;
  readonly preferences: Preferences;
  readonly plan: WritePlan;
}

/** What undoes a write when it has come to another number of rows than the request allows; nothing where any number is right. */
export function createWriteCheck(exchange: WriteExchange): TransactionMode["check"] {
  const { plan, target, request, preferences } = exchange;
  const { method } = request;
  const asksOne = isSingular(plan.media) && target.key === null;
  const mayLimit = (method === "PATCH" || method === "DELETE") && preferences.handling === "strict";
  const limit = mayLimit ? preferences.maxAffected : undefined;
  if (plan.media.explain !== null || (!asksOne && limit === undefined && method !== "PUT")) return undefined;
  return (results) => {
    const count = writtenCount(plan, results);
    if (method === "PUT" && count !== 1) {
      throw new DialectError("PGRST115", 400, "Payload values do not match URL in primary key column(s)");
    }
    if (asksOne && count !== 1) throw notSingular(target, count);
    if (limit !== undefined && count > limit) {
      throw new DialectError("PGRST124", 400, "Query result exceeds max-affected preference constraint", {
        details: `The query affects ${count} rows`,
      });
    }
  };
}

/** The reply to a write that was carried out. */
export function toWriteReply(exchange: WriteExchange, results: readonly CommandResult[]): SourceReply {
  const { request, target, preferences, plan } = exchange;
  const { method } = request;
  const { layout } = plan.compiled;
  const row = results[0]?.rows[0] ?? [];
  const count = writtenCount(plan, results);
  if (target.key !== null && count === 0) {
    throw new HotpathError("HP_NOT_FOUND", `${target.relation.name} has no row with the key ${target.key.join(",")}.`);
  }
  const headers: Record<string, string> = {};
  const location = locationOf(exchange, row, count);
  if (location !== undefined) headers["location"] = location;
  if (method !== "PUT" && target.key === null) headers["content-range"] = contentRange(method, count, preferences);
  const applied = preferences === NO_PREFERENCES ? undefined : appliedTo(exchange);
  if (applied !== undefined) headers["preference-applied"] = applied;
  const isAnswered = preferences.representation === "representation";
  if (isAnswered) {
    headers["content-type"] = plan.media.contentType;
    if (target.namesProfile) headers["content-profile"] = toFieldText(target.relation.schema);
  }
  const status = statusOf(method, isAnswered, plan, count - Number(row[layout.merged] ?? 0));
  const body = isAnswered ? bodyOf(plan, row[layout.body], count) : status === 204 ? undefined : "";
  const reply: SourceReply = {
    status,
    headers,
    body: target.namesProfile && typeof body === "string" && body !== "" ? besideFieldTexts(body) : body,
  };
  return withReplySettings(reply, row[layout.replyHeaders], row[layout.replyStatus]);
}

/** Worked out once for a plan and the preferences that it was asked with. */
function appliedTo({ request: { method }, preferences, plan, settings }: WriteExchange): string | undefined {
  const { applied, resolution } = plan;
  if (applied.has(preferences)) return applied.get(preferences);
  const honoursTransaction = allowsOverride(settings.txEnd);
  const resolves = method === "POST" && resolution !== null;
  const text = appliedToWrite({ method, preferences, resolves, honoursTransaction });
  applied.set(preferences, text);
  return text;
}

/** How many rows were written, as the statement's answer has it. */
export function writtenCount({ compiled: { answers, layout } }: WritePlan, [main]: readonly CommandResult[]): number {
  if (answers === "each") return main?.rows.length ?? 0;
  if (answers === "all") return Number(main?.rows[0]?.[layout.count] ?? 0);
  return Number(/\d+$/.exec(main?.tag ?? "")?.[0] ?? 0);
}

/** @param inserted rows that were not there before. */
function statusOf(method: string, isAnswered: boolean, { resolution }: WritePlan, inserted: number): number {
  switch (method) {
    case "POST":
      return resolution === "merge-duplicates" && inserted <= 0 ? 200 : 201;
    case "PUT":
      return !isAnswered ? 204 : inserted > 0 ? 201 : 200;
    default:
      return isAnswered ? 200 : 204;
  }
}

/** The rows of an update have places; of others only their number is told (PostgREST 14). */
function contentRange(method: string, count: number, preferences: Preferences): string {
  const isCounted = preferences.count === "exact" || preferences.count === "estimated";
  const rows = method === "PATCH" && count > 0 ? `0-${count - 1}` : "*";
  return `${rows}/${isCounted ? count : "*"}`;
}

/** What PostgreSQL made of the rows; a row that was answered alone is put into its list here. */
function bodyOf(
  { compiled, media, encoder }: WritePlan,
  made: string | null | undefined,
  count: number,
): string | Uint8Array {
  if (encoder !== undefined) return encoder.encode(made ?? null);
  if ("isBinary" in media.format && media.format.isBinary) return Buffer.from(made ?? "", "hex");
  if (compiled.answers === "all" || media.format.kind !== "array") return made ?? "";
  return count === 0 ? "[]" : `[${made ?? ""}]`;
}

/** The row by its key, where exactly one was written and its name is asked for. */
function locationOf(
  { request, target, plan }: WriteExchange,
  row: readonly (string | null)[],
  count: number,
): string | undefined {
  if (plan.location.length === 0 || count !== 1) return undefined;
  const values = row.slice(plan.compiled.layout.location);
  const filters = plan.location.map((name, index) => {
    const value = values[index] ?? null;
    return `${encodeURIComponent(name)}=${value === null ? "is.null" : `eq.${encodeURIComponent(value)}`}`;
  });
  return `${request.basePath}/${encodeURIComponent(target.relation.name)}?${filters.join("&")}`;
}
