import type { PostgresSettings } from "../api/settings.ts";
import type { SourceReply } from "../api/source.ts";
import type { SourceRequest } from "../api/source-request.ts";
import { ENCODINGS } from "../content/compression/index.ts";
import { HotpathError } from "../errors.ts";
import { type ConditionalFields, evaluatePreconditions } from "../http/conditional.ts";
import { encodeTag, listsTag, tagContent, tagMetadata } from "../http/etag.ts";
import { DialectError } from "./dialect-error.ts";
import type { Command, CommandResult } from "./pool/index.ts";
import { NO_PREFERENCES } from "./preferences.ts";
import { parseQuery } from "./query/parse.ts";
import type { QueryParameter, QueryShape } from "./query/query-string.ts";
import { bind, shapeKey } from "./read.ts";
import { isSingleRow, makeReadPlan, type ReadContext, type ReadRequest, type ReadTarget } from "./read-plan.ts";
import { toReply } from "./read-reply.ts";

/**
 * The condition of a write (RFC 9110 section 13.1): `If-Match`, `If-None-Match`, `If-Unmodified-Since`. It is held against what a GET of the same
 * URL would answer, read in the write's own transaction.
 */
export interface WriteCondition {
  /** Reads what the condition is held against. */
  readonly commands: readonly Command[];
  /** @throws HotpathError HP_PRECONDITION_FAILED. */
  hold(results: readonly CommandResult[]): void;
  /** The tag of the row as it was read, if it was there. */
  tagOf(results: readonly CommandResult[]): string | undefined;
}

/** Whether a write is to be held against a condition. */
export function isHeldTo({ conditionalWrites }: PostgresSettings, { headers }: SourceRequest): boolean {
  return conditionalWrites && isConditional(headers);
}

/**
 * The condition of a request that has one.
 *
 * @throws HotpathError HP_BAD_REQUEST for a write that is not about one row, which would mean something else than it says.
 */
export async function conditionOf(
  context: ReadContext,
  request: SourceRequest,
  target: ReadTarget,
  parameters: readonly QueryParameter[],
  shape: QueryShape,
): Promise<WriteCondition> {
  const { method, headers } = request;
  const isOne =
    method === "PUT" || target.key !== null || isSingleRow(target.relation, parseQuery(parameters), { offset: 0 });
  if (method === "POST" || !isOne) throw notAboutOneRow();

  const { identity, basePath, path, query } = request;
  const { accept } = headers;
  const isPlan = accept?.includes("vnd.pgrst.plan") ?? false;
  const get: ReadRequest = {
    method: "GET",
    headers: accept === undefined || isPlan ? {} : { accept },
    identity,
    basePath,
    path,
    query,
  };
  const key = shapeKey(get, target, NO_PREFERENCES, null, shape.key);
  let plan = context.plans.get(key);
  if (plan === undefined) {
    plan = await makeReadPlan(context, get, target, NO_PREFERENCES, parameters, shape.operands, null);
    context.plans.set(key, plan);
  }
  const exchange = { settings: context.settings, request: get, target, preferences: NO_PREFERENCES, plan };
  const { main } = plan.compiled;
  return {
    commands: [bind(main, { operands: shape.operands, cursor: [] }, parameters)],
    hold(results) {
      const current = read(results);
      const tags = current === undefined ? [] : tagsOf(current);
      const asked = headers["if-match"] ?? headers["if-none-match"] ?? "";
      const validators = {
        exists: current !== undefined,
        // The one that the client has, if it is among those that it may have.
        etag: tags.find((tag) => listsTag(asked, tag, "weak")) ?? tags[0],
        modifiedMs: current?.modifiedMs,
      };
      if (evaluatePreconditions(method, headers, validators) === "proceed") return;
      throw new HotpathError("HP_PRECONDITION_FAILED", "The row is not, or no longer, as the request demands.", {
        headers: tags[0] === undefined ? {} : { etag: tags[0] },
      });
    },
    tagOf(results) {
      const current = read(results);
      return current === undefined ? undefined : tagsOf(current)[0];
    },
  };

  function read(results: readonly CommandResult[]): SourceReply | undefined {
    try {
      const reply = toReply(exchange, results, parameters, shape.operands);
      return reply.body === "[]" ? undefined : reply;
    } catch (error) {
      const isMissing = error instanceof HotpathError || (error instanceof DialectError && error.code === "PGRST116");
      if (isMissing) return undefined;
      throw error;
    }
  }
}

function isConditional(fields: ConditionalFields): boolean {
  return (
    fields["if-match"] !== undefined ||
    fields["if-none-match"] !== undefined ||
    fields["if-unmodified-since"] !== undefined
  );
}

/** The tags under which the row may have been answered, the likeliest first: as a list or alone, counted or not, compressed or not. */
function tagsOf({ body, headers }: SourceReply): readonly string[] {
  const content = typeof body === "string" ? body : body instanceof Uint8Array ? Buffer.from(body).toString() : "";
  const type = headers["content-type"];
  const forms = [{ content, type }];
  if (headers["content-range"] !== undefined && type === LIST_TYPE) {
    forms.push({ content: content.slice(1, -1), type: OBJECT_TYPE });
  } else if (headers["content-range"] !== undefined && type === OBJECT_TYPE) {
    forms.push({ content: `[${content}]`, type: LIST_TYPE });
  }
  const ranges = headers["content-range"] === undefined ? [undefined] : ["0-0/*", "0-0/1"];
  const plain = forms.flatMap((form) =>
    ranges.map((range) =>
      tagContent(form.content, tagMetadata({ ...headers, "content-type": form.type, "content-range": range })),
    ),
  );
  return plain.flatMap((tag) => [tag, ...ENCODINGS.map((coding) => encodeTag(tag, coding))]);
}

function notAboutOneRow(): HotpathError {
  return new HotpathError(
    "HP_BAD_REQUEST",
    "A condition is held against one row: name it by its path, or by its whole key.",
    {
      todo: "Leave out If-Match, If-None-Match and If-Unmodified-Since, or change one row.",
    },
  );
}

const LIST_TYPE = "application/json; charset=utf-8";
const OBJECT_TYPE = "application/vnd.pgrst.object+json; charset=utf-8";
