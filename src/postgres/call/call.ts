import type { SourceReply } from "../../api/source.ts";
import type { SourceRequest } from "../../api/source-request.ts";
import type { CachePlan } from "../changes/query-cache.ts";
import { runGuarded } from "../guarded-write.ts";
import type { Idempotency } from "../idempotency/index.ts";
import type { PlanCache } from "../plan-cache.ts";
import type { Command, CommandResult } from "../pool/index.ts";
import { type Preferences, transactionEnd } from "../preferences.ts";
import { parseQuery } from "../query/parse.ts";
import { parseQueryString, type QueryShape, shapeOf } from "../query/query-string.ts";
import { bindTemplate } from "../query/statement.ts";
import { rangeOf } from "../read-plan.ts";
import type { TransactionMode } from "../run-transaction.ts";
import type { Setting } from "../transaction.ts";
import { type CallPlan, type CallPlanContext, type CallTarget, type GivenCall, makeCallPlan } from "./call-plan.ts";
import { createCallCheck, hasReplySettings, toCallReply } from "./call-reply.ts";
import { type CallContent, jsonContent, readCallContent } from "./content.ts";
import { isProtobuf } from "../media.ts";
import { readContent } from "../payload/read-content.ts";

/** What calling functions needs of its source. */
export interface CallContext extends CallPlanContext {
  readonly plans: PlanCache<CallPlan>;
  readonly idempotency: Idempotency;
  /** Runs the commands in one transaction, after those that open it for the request and make the settings. */
  run(
    commands: readonly Command[],
    mode: TransactionMode,
    settings: readonly Setting[],
  ): Promise<readonly CommandResult[]>;
}

/** Answers GET, HEAD and POST of a function. */
export async function call(
  context: CallContext,
  request: SourceRequest,
  target: CallTarget,
  preferences: Preferences,
): Promise<SourceReply> {
  const query = parseQueryString(request.query);
  const namesColumns = query.some(({ name, hasValue }) => name === "columns" && hasValue);
  const content =
    request.method !== "POST"
      ? null
      : isMessage(request)
        ? await readMessage(context, request, target, namesColumns)
        : await readCallContent(request, namesColumns);
  const given: GivenCall = { query, content };
  const shape = shapeOf(query, content === null);
  const key = shapeKey(request, target, preferences, shape, content);
  let plan = context.plans.get(key);
  if (plan === undefined) {
    plan = await makeCallPlan(context, request, target, preferences, given);
    context.plans.set(key, plan);
  }
  const command = bind(plan, shape, given);
  const mode = modeOf(context, plan, preferences);
  const { hoisted, mayWrite } = plan;
  const exchange = { settings: context.settings, target, preferences, plan };
  const hasKey = mayWrite && content !== null && mode.end === "commit";
  return runGuarded({
    commands: [command],
    mode,
    run: (commands, how) => context.run(commands, how, hoisted.settings),
    answer(results) {
      // What changes nothing needs no look before its end.
      if (!mayWrite) createCallCheck(plan, preferences)?.(results);
      const reply = toCallReply(exchange, results.at(-1));
      if (plan.caching !== undefined)
        markForCache(context, request, reply, plan.caching, hasReplySettings(plan, results.at(-1)), shape);
      return reply;
    },
    idempotency: context.idempotency,
    key: hasKey ? context.idempotency.guard(request, JSON.stringify([content.text, content.fields])) : undefined,
    condition: undefined,
  });
}

function isMessage({ headers }: SourceRequest): boolean {
  const type = headers["content-type"];
  return type !== undefined && isProtobuf((type.split(";", 1)[0] ?? "").trim().toLowerCase());
}

/** Arguments as a message, which is made JSON. */
async function readMessage(
  { catalog }: CallContext,
  request: SourceRequest,
  { schema, name }: CallTarget,
  namesColumns: boolean,
): Promise<CallContent> {
  const { argumentsJson } = await import("../protobuf/index.ts");
  const bytes = await readContent(request);
  const subject = { catalog, schema, basePath: request.basePath };
  return jsonContent(
    Buffer.from(argumentsJson(subject, name, request.headers["content-type"] ?? "", bytes)),
    namesColumns,
  );
}

/** A function that settings declare is cached; for others only the reason is said. */
function markForCache(
  { queryCache }: CallContext,
  request: SourceRequest,
  reply: SourceReply,
  caching: CachePlan,
  hasSettings: boolean,
  { operands }: QueryShape,
): void {
  if (typeof caching === "string") reply.uncachedFor = caching;
  else queryCache?.mark(reply, request, hasSettings ? "settings" : caching, { operands, cursor: [] });
}

/** All that a plan depends on besides catalog and settings; a new catalog comes with a new cache. */
function shapeKey(
  request: SourceRequest,
  { schema, name }: CallTarget,
  { count, handling, maxAffected }: Preferences,
  shape: QueryShape,
  content: CallContent | null,
): string {
  const { accept = "" } = request.headers;
  const isLimited = handling === "strict" && maxAffected !== undefined ? "limited" : "";
  const parts = [schema, name, accept, count ?? "", isLimited, rangeOf(request) ?? "", contentKey(content), shape.key];
  return parts.join("\0");
}

function contentKey(content: CallContent | null): string {
  if (content === null) return "";
  const { mediaType, argumentNames, fields, isArray, isOpaque } = content;
  // As JSON, because names in it may hold any character.
  const names = fields.length > 0 ? fields.map(({ name }) => name) : argumentNames;
  return JSON.stringify([mediaType, names, isArray, isOpaque]);
}

function bind({ compiled: { main } }: CallPlan, shape: QueryShape, { query, content }: GivenCall): Command {
  const operands = content === null ? shape.operands : [...shape.operands, ...content.fields.map(({ value }) => value)];
  const values = bindTemplate(main, { operands, cursor: [], content: content?.text ?? "" });
  if (values !== undefined) return { statement: main.statement, values };
  // An operand is not a list where its shape has one: parsing says where it goes wrong.
  parseQuery(query, content === null);
  throw new Error("an operand could not be bound");
}

function modeOf({ settings }: CallContext, plan: CallPlan, preferences: Preferences): TransactionMode {
  const { isolation } = plan.hoisted;
  const check = plan.mayWrite ? createCallCheck(plan, preferences) : undefined;
  return {
    access: plan.mayWrite ? "read write" : "read only",
    end: transactionEnd(settings.txEnd, preferences),
    isolation,
    ...(check === undefined ? {} : { check }),
  };
}
