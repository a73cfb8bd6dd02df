import type { SourceReply } from "../api/source.ts";
import { isToken } from "../http/syntax.ts";
import { DialectError } from "./dialect-error.ts";
import { besideFieldTexts, toFieldText } from "./field-text.ts";

/** Headers and status that a database function chose (`response.headers`, `response.status`). */
export function withReplySettings(
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
