import type { PostgresSettings } from "../../api/settings.ts";
import type { SourceReply } from "../../api/source.ts";
import { DialectError } from "../dialect-error.ts";
import { besideFieldTexts, toFieldText } from "../field-text.ts";
import { isSingular, READ_VARY } from "../media.ts";
import type { CommandResult } from "../pool/index.ts";
import { allowsOverride, appliedToCall, type Preferences } from "../preferences.ts";
import { explainReply } from "../read-reply.ts";
import { withReplySettings } from "../reply-settings.ts";
import type { TransactionMode } from "../run-transaction.ts";
import { outOfBounds, rangeReply } from "../row-range.ts";
import type { CallPlan, CallTarget } from "./call-plan.ts";

/** One call on its way to a reply. */
export interface CallExchange {
  readonly settings: PostgresSettings;
  readonly target: CallTarget;
  readonly preferences: Preferences;
  readonly plan: CallPlan;
}

/**
 * What refuses a call that has come to another number of rows than the request allows; nothing where any number is right. It
 * throws PGRST116 when not one row came where one object was asked for, PGRST124 when more came than may be affected.
 */
export function createCallCheck(
  { compiled: { layout }, media }: CallPlan,
  { handling, maxAffected }: Preferences,
): TransactionMode["check"] {
  const asksOne = isSingular(media);
  const limit = handling === "strict" ? maxAffected : undefined;
  if (media.explain !== null || (!asksOne && limit === undefined)) return undefined;
  return (results) => {
    const rows = Number(results.at(-1)?.rows[0]?.[layout.pageCount] ?? 0);
    if (asksOne && rows !== 1) {
      throw new DialectError("PGRST116", 406, "Cannot coerce the result to a single JSON object", {
        details: `The result contains ${rows} rows`,
      });
    }
    if (limit !== undefined && rows > limit) {
      throw new DialectError("PGRST124", 400, "Query result exceeds max-affected preference constraint", {
        details: `The query affects ${rows} rows`,
      });
    }
  };
}

/** The reply to what the function answered. */
export function toCallReply(exchange: CallExchange, result: CommandResult | undefined): SourceReply {
  const { plan, preferences, settings, target } = exchange;
  const { media } = plan;
  if (media.explain !== null) return explainReply(plan, result === undefined ? [] : [result]);
  const { layout } = plan.compiled;
  const row = result?.rows[0] ?? [];
  const counted = row[layout.total];
  const total = counted === undefined || counted === null ? null : Number(counted);
  const { status, contentRange } = rangeReply(plan.offset, Number(row[layout.pageCount] ?? 0), total);
  if (status === 416) throw outOfBounds(plan.offset, total ?? 0);
  const headers: Record<string, string> = { "content-range": contentRange };
  const applied = appliedToCall(preferences, allowsOverride(settings.txEnd));
  if (applied !== undefined) headers["preference-applied"] = applied;
  const reply: SourceReply = { status: 204, headers, body: undefined };
  if (plan.routine.returns.kind !== "void") {
    headers["content-type"] = media.contentType;
    if (target.namesProfile) headers["content-profile"] = toFieldText(target.schema);
    reply.status = status;
    headers["vary"] = READ_VARY;
    const body = bodyOf(plan, row[layout.body]);
    reply.body = target.namesProfile && typeof body === "string" ? besideFieldTexts(body) : body;
  }
  return withReplySettings(reply, row[layout.replyHeaders], row[layout.replyStatus]);
}

/** Whether the function chose header fields or the status. */
export function hasReplySettings({ compiled: { layout } }: CallPlan, result: CommandResult | undefined): boolean {
  const row = result?.rows[0] ?? [];
  return (row[layout.replyHeaders] ?? null) !== null || (row[layout.replyStatus] ?? null) !== null;
}

function bodyOf({ media: { format }, encoder }: CallPlan, made: string | null | undefined): string | Uint8Array {
  if (encoder !== undefined) return encoder.encode(made ?? null);
  return "isBinary" in format && format.isBinary ? Buffer.from(made ?? "", "hex") : (made ?? "");
}
