import type { SourceReply } from "../api/source.ts";
import type { SourceRequest } from "../api/source-request.ts";
import { type FieldSelection, parseFieldSelection, selectFields } from "../content/fields/index.ts";
import { HotpathError } from "../errors.ts";
import { nextLink, Page } from "./page.ts";
import { ContentReply, type ReplyOptions, ValueReply } from "./reply.ts";
import type { RouteDefinition } from "./route.ts";
import { SqlQuery, SqlStream } from "./sql.ts";
import { ndjson } from "./stream.ts";
import type { StandardSchema } from "./standard-schema.ts";

/** What of a route says how its answers become replies. */
export interface AnswerSettings extends Pick<RouteDefinition, "reply" | "status" | "fields"> {
  readonly pattern: string;
}

/** Makes a reply of what a handler answered: at once where nothing has to be waited for. */
export function toReply(
  settings: AnswerSettings,
  request: SourceRequest,
  answer: unknown,
): SourceReply | Promise<SourceReply> {
  if (answer instanceof SqlStream) return toReply(settings, request, ndjson(answer));
  if (answer instanceof ContentReply) {
    return answer.begin === undefined
      ? contentReply(settings, answer)
      : answer.begin().then(() => contentReply(settings, answer));
  }
  if (answer instanceof ValueReply) return valueReply(settings, request, answer.value, answer.options);
  return valueReply(settings, request, answer, NO_OPTIONS);
}

function valueReply(
  settings: AnswerSettings,
  request: SourceRequest,
  value: unknown,
  options: ReplyOptions,
): SourceReply | Promise<SourceReply> {
  const selection = settings.fields === true ? selectionOf(request) : undefined;
  if (value instanceof SqlQuery) {
    // The database's own text, where nobody has to look into it.
    if (settings.reply === undefined && selection === undefined) {
      return value.json().then((text) => jsonReply(settings, options, text));
    }
    return value.then(async (rows) => valueReply(settings, request, rows, options));
  }
  const checked = check(settings, value);
  const link = value instanceof Page && value.next !== null ? linkTo(request, value.next) : undefined;
  return checked instanceof Promise
    ? checked.then((sound) => soundReply(settings, options, sound, selection, link))
    : soundReply(settings, options, checked, selection, link);
}

function soundReply(
  settings: AnswerSettings,
  options: ReplyOptions,
  sound: unknown,
  selection: FieldSelection | undefined,
  link: string | undefined,
): SourceReply {
  const reply = jsonReply(settings, options, textOf(sound, selection));
  if (link !== undefined) reply.headers["link"] = link;
  return reply;
}

function linkTo({ path, query }: SourceRequest, next: string): string {
  return nextLink(path, new URLSearchParams(query), next);
}

function textOf(value: unknown, selection: FieldSelection | undefined): string | undefined {
  if (selection === undefined || value === undefined) return JSON.stringify(value);
  if (isPage(value)) return JSON.stringify({ ...value, items: selectFields(value.items, selection) });
  return JSON.stringify(selectFields(value, selection));
}

/** Also what a schema has made of one. */
function isPage(value: unknown): value is { readonly items: readonly unknown[] } {
  if (value instanceof Page) return true;
  if (typeof value !== "object" || value === null || !("items" in value) || !("next" in value)) return false;
  return Array.isArray(value.items) && Object.keys(value).length === 2;
}

function jsonReply({ status, pattern }: AnswerSettings, options: ReplyOptions, text: string | undefined): SourceReply {
  if (options === NO_OPTIONS && text !== undefined) {
    return { status: status ?? 200, headers: { "content-type": "application/json" }, body: text, route: pattern };
  }
  const headers = { ...options.headers };
  // What a schema or `JSON.stringify` leaves nothing of is nothing to answer.
  if (text === undefined) return withModified({ status: options.status ?? 204, headers, body: undefined }, options);
  headers["content-type"] ??= "application/json";
  return withModified({ status: options.status ?? status ?? 200, headers, body: text }, options);
}

function contentReply({ status }: AnswerSettings, { body, type, options }: ContentReply): SourceReply {
  const headers = { "content-type": type, ...options.headers };
  return withModified({ status: options.status ?? status ?? 200, headers, body }, options);
}

function withModified(reply: SourceReply, { modified }: ReplyOptions): SourceReply {
  if (modified !== undefined) reply.modifiedMs = modified.getTime();
  return reply;
}

/** @throws HotpathError HP_REPLY_INVALID, which tells the log where, and the client nothing */
function check({ reply: schema, pattern }: AnswerSettings, value: unknown): unknown {
  if (schema === undefined) return value;
  const outcome = (result: Awaited<ReturnType<StandardSchema["~standard"]["validate"]>>): unknown => {
    if (result.issues === undefined) return result.value;
    const issues = result.issues.map(({ message, path = [] }) => {
      const keys = path.map((step) => String(typeof step === "object" ? step.key : step));
      return keys.length === 0 ? message : `${keys.join(".")}: ${message}`;
    });
    throw new HotpathError("HP_REPLY_INVALID", "The server made a reply that it must not give.", {
      cause: new Error(`${pattern} answered: ${issues.slice(0, 10).join("; ")}`),
    });
  };
  const result = schema["~standard"].validate(value);
  return result instanceof Promise ? result.then(outcome) : outcome(result);
}

function selectionOf({ query }: SourceRequest): FieldSelection | undefined {
  if (!query.includes("fields=")) return undefined;
  const asked = new URLSearchParams(query).get("fields");
  return asked === null || asked === "" ? undefined : parseFieldSelection(asked);
}

const NO_OPTIONS: ReplyOptions = Object.freeze({});
