import type { SourceReply, SourceRequest } from "../api/source.ts";
import { HotpathError } from "../errors.ts";
import type { Catalog, Relation } from "./catalog/types.ts";
import { representationKey } from "./catalog/types.ts";
import { insertInBulk } from "./bulk-insert.ts";
import { type Batch, readBatches } from "./payload/batches.ts";
import { type MemberUse, readMembers } from "./payload/members.ts";
import {
  createListSplitter,
  type Payload,
  parsePayload,
  type PayloadType,
  payloadType,
  startsObject,
} from "./payload/payload.ts";
import { readBeginning } from "./payload/read-content.ts";
import { type Preferences, transactionEnd } from "./preferences.ts";
import { parseColumns } from "./query/parse.ts";
import { parseQueryString, type QueryParameter, shapeOf } from "./query/query-string.ts";
import { runGuarded } from "./guarded-write.ts";
import type { IdempotencyGuard } from "./idempotency/index.ts";
import { bind, withKey } from "./read.ts";
import type { ReadTarget } from "./read-plan.ts";
import { explainReply } from "./read-reply.ts";
import { conditionOf } from "./write-condition.ts";
import { makeWritePlan, type WriteContext, type WrittenContent } from "./write-plan.ts";
import { createWriteCheck, toWriteReply } from "./write-reply.ts";

/** Answers POST, PATCH, PUT and DELETE of a relation, and all but POST of a row. */
export async function write(
  context: WriteContext,
  request: SourceRequest,
  target: ReadTarget,
  preferences: Preferences,
): Promise<SourceReply> {
  const { method } = request;
  const parameters = withKey(target, parseQueryString(request.query));
  const shape = shapeOf(parameters);
  const columns = method === "POST" || method === "PATCH" ? columnsOf(parameters) : null;
  const end = transactionEnd(context.settings.txEnd, preferences);
  let payload: Payload | null = null;
  let idempotency: IdempotencyGuard | undefined;
  if (method !== "DELETE") {
    const type = payloadType(request.headers["content-type"]);
    const { bytes, goesOn } = await readBeginning(request.body, context.maxBodyBytes);
    if (goesOn) {
      refuseLongWithKey(context, request);
      const batches = startBatches(context, request, target, type, bytes, columns !== null);
      const insert = { request, target, preferences, parameters, shape, columns, batches, end };
      return context.bulkTurns(() => insertInBulk(context, insert));
    }
    payload = parsePayload(bytes, type, columns !== null);
    if (method !== "PUT") idempotency = context.idempotency.guard(request, bytes);
  }
  const content = contentOf(context.catalog, target, method, payload, columns);
  const key = shapeKey(request, target, preferences, content, shape.key);
  let plan = context.writePlans.get(key);
  if (plan === undefined) {
    plan = await makeWritePlan(context, request, target, preferences, parameters, content);
    context.writePlans.set(key, plan);
  }
  const command = bind(
    plan.compiled.main,
    { operands: shape.operands, cursor: [], content: content.text, members: content.members },
    parameters,
  );
  const exchange = { settings: context.settings, request, target, preferences, plan };
  const scope = { schema: target.relation.schema, timezone: preferences.timezone ?? null };
  const isExplained = plan.media.explain !== null;
  const mode = { access: "read write", end, ...createWriteCheck(exchange) } as const;
  return runGuarded({
    commands: [command],
    mode,
    run: (commands, how) => context.run(request, scope, commands, how),
    answer: (results) => (isExplained ? explainReply(plan, results) : toWriteReply(exchange, results)),
    idempotency: context.idempotency,
    // What is rolled back is no result to be repeated.
    key: end === "rollback" ? undefined : idempotency,
    condition: await conditionOf(context, request, target, parameters, shape),
  });
}

/** Whether a request may insert a list of rows, from its head alone: a POST to something like a relation, of no form. */
export function mayBeBulk(method: string, subpath: string, contentType: string | undefined): boolean {
  return (
    method === "POST" &&
    /^\/[^/]+\/?$/.test(subpath) &&
    !/^application\/x-www-form-urlencoded\b/i.test(contentType ?? "")
  );
}

/** Of a list that is longer than what is held as a whole, these many bytes are stored at a time. */
const BATCH_BYTES = 512 * 1024;

/**
 * Takes content apart that is longer than what is held at a time.
 *
 * @throws HotpathError HP_BODY_TOO_LARGE for content that is no list of rows to insert.
 */
function startBatches(
  { maxBodyBytes, settings }: WriteContext,
  { method, body }: SourceRequest,
  { key }: ReadTarget,
  type: PayloadType,
  begun: Buffer,
  namesColumns: boolean,
): AsyncGenerator<Batch, void> {
  const isList = type !== "form" && !(type === "json" && startsObject(begun));
  if (method !== "POST" || key !== null || !isList || settings.maxBulkBytes === null) {
    body.destroy();
    throw new HotpathError("HP_BODY_TOO_LARGE", `The content has more than ${maxBodyBytes} bytes.`);
  }
  const splitter = createListSplitter(type, BATCH_BYTES);
  return readBatches(begun, body, { splitter, namesColumns, maxRowBytes: maxBodyBytes });
}

/** What has to be compared with what came before is held as a whole. */
function refuseLongWithKey({ settings, maxBodyBytes }: WriteContext, { headers, body }: SourceRequest): void {
  if (headers["idempotency-key"] === undefined || !settings.idempotency.enabled) return;
  body.destroy();
  const message = `With an Idempotency-Key the content may have ${maxBodyBytes} bytes.`;
  throw new HotpathError("HP_BODY_TOO_LARGE", message, { todo: "Send less at a time, or leave out the key." });
}

/** The content as the statement takes it, and what it puts into it. */
interface BoundContent extends WrittenContent {
  readonly text: string;
  readonly members: readonly (string | null)[];
}

/** Beyond this length finding the members of an object takes longer here than in the database. */
const MAX_MEMBERS_CHARACTERS = 64 * 1024;
const NOTHING: ReadonlySet<string> = new Set();

function contentOf(
  catalog: Catalog,
  { relation, key }: ReadTarget,
  method: string,
  payload: Payload | null,
  columns: readonly string[] | null,
): BoundContent {
  if (payload === null) return { form: "none", names: [], missing: NOTHING, text: "", members: [] };
  // Of CSV and forms all columns count.
  const names = payload.keys ?? columns ?? [];
  const { text, isList } = payload;
  const whole = { form: isList ? "list" : "object", names, missing: NOTHING, text, members: [] } as const;
  if (method === "PUT" && key !== null) return withPathKey(whole, relation, key);
  if (isList || method === "PUT" || text.length > MAX_MEMBERS_CHARACTERS) return whole;
  // Where nobody has looked at the text yet, the database says what is wrong with it.
  if (payload.keys === null && !isJson(text)) return whole;
  const members = readMembers(text, names, usesOf(catalog, relation, names));
  if (members === undefined) return whole;
  const missing = members.includes(undefined)
    ? new Set(names.filter((_, index) => members[index] === undefined))
    : NOTHING;
  return { form: "members", names, missing, text, members: members.map((member) => member ?? null) };
}

/** The key of a row path is the row's, whether the content repeats it or not. */
function withPathKey(whole: BoundContent, { primaryKey }: Relation, key: readonly string[]): BoundContent {
  if (whole.form !== "object") return whole;
  const added = primaryKey.flatMap((name, index) => (whole.names.includes(name) ? [] : [[name, key[index]] as const]));
  if (added.length === 0) return whole;
  const members = added.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join(",");
  const rest = whole.text.slice(whole.text.indexOf("{") + 1);
  const text = `{${members}${whole.names.length === 0 ? "" : ","}${rest}`;
  return { ...whole, names: [...whole.names, ...added.map(([name]) => name)].sort(), text };
}

function usesOf(catalog: Catalog, relation: Relation, names: readonly string[]): readonly MemberUse[] {
  return names.map((name) => {
    const column = relation.columns.get(name);
    if (column === undefined) return "text";
    if (column.baseType === "json" || column.baseType === "jsonb") return "json";
    if (catalog.representations.has(representationKey("json", column.type))) return "json";
    return column.category === "A" || column.isComposite ? "structured" : "text";
  });
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function columnsOf(parameters: readonly QueryParameter[]): readonly string[] | null {
  const given = parameters.find(({ name, hasValue }) => name === "columns" && hasValue);
  return given === undefined ? null : [...new Set(parseColumns(given.value))].sort();
}

/** All that a plan depends on besides catalog and settings; a new catalog comes with a new cache. */
function shapeKey(
  { method, headers: { accept = "" } }: SourceRequest,
  { relation, key }: ReadTarget,
  { representation, resolution, missing }: Preferences,
  { form, names, missing: without }: WrittenContent,
  query: string,
): string {
  const kind = key === null ? "list" : "row";
  const preferred = `${representation ?? ""}\0${resolution ?? ""}\0${missing ?? ""}`;
  const content = `${form}${JSON.stringify(names)}${without.size === 0 ? "" : JSON.stringify([...without])}`;
  return `${relation.oid}\0${method}\0${kind}\0${accept}\0${preferred}\0${content}\0${query}`;
}
