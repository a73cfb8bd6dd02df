import type { SourceReply } from "../api/source.ts";
import type { SourceRequest } from "../api/source-request.ts";
import { HotpathError } from "../errors.ts";
import { bindContent } from "./bound-content.ts";
import { insertInBulk } from "./bulk-insert.ts";
import { type GuardedWrite, runGuarded } from "./guarded-write.ts";
import type { IdempotencyGuard } from "./idempotency/index.ts";
import { type Batch, readBatches } from "./payload/batches.ts";
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
import { parseQueryString, type QueryParameter, type QueryShape, shapeOf } from "./query/query-string.ts";
import { bind, withKey } from "./read.ts";
import type { ReadTarget } from "./read-plan.ts";
import { explainReply } from "./read-reply.ts";
import type { TransactionMode } from "./run-transaction.ts";
import { conditionOf, isHeldTo } from "./write-condition.ts";
import { makeWritePlan, type WriteContext, type WritePlan, type WrittenContent } from "./write-plan.ts";
import { createWriteCheck, toWriteReply } from "./write-reply.ts";

/** Answers POST, PATCH, PUT and DELETE of a relation, and all but POST of a row. Throws at once what is wrong with the head. */
export function write(
  context: WriteContext,
  request: SourceRequest,
  target: ReadTarget,
  preferences: Preferences,
): Promise<SourceReply> {
  const { method } = request;
  const parameters = withKey(target, parseQueryString(request.query));
  const columns = method === "POST" || method === "PATCH" ? columnsOf(parameters) : null;
  const asked: AskedWrite = {
    context,
    request,
    target,
    preferences,
    parameters,
    shape: shapeOf(parameters),
    columns,
    end: transactionEnd(context.settings.txEnd, preferences),
  };
  if (method === "DELETE") return writeWhole(asked, null, undefined);
  const type = payloadType(request.headers["content-type"]);
  return readBeginning(request, context.maxBodyBytes).then(({ bytes, goesOn }) => {
    if (goesOn) return writeInBulk(asked, type, bytes);
    if (type === "message") return writeMessage(asked, bytes);
    const payload = parsePayload(bytes, type, columns !== null);
    return writeWhole(asked, payload, method === "PUT" ? undefined : context.idempotency.guard(request, bytes));
  });
}

/** Carries out a write whose content is Protocol Buffers. */
async function writeMessage(asked: AskedWrite, bytes: Buffer): Promise<SourceReply> {
  const { context, request, target, columns } = asked;
  const { rowsJson } = await import("./protobuf/index.ts");
  const subject = { catalog: context.catalog, schema: target.relation.schema, basePath: request.basePath };
  const json = rowsJson(subject, target.relation, request.headers["content-type"] ?? "", bytes);
  const payload = parsePayload(Buffer.from(json), "json", columns !== null);
  return writeWhole(asked, payload, request.method === "PUT" ? undefined : context.idempotency.guard(request, bytes));
}

/** What a writing request asks for, but for its content. */
interface AskedWrite {
  readonly context: WriteContext;
  readonly request: SourceRequest;
  readonly target: ReadTarget;
  readonly preferences: Preferences;
  readonly parameters: readonly QueryParameter[];
  readonly shape: QueryShape;
  readonly columns: readonly string[] | null;
  readonly end: TransactionMode["end"];
}

/** Carries out a write whose content, if any, is at hand. Continued by callbacks, as reads are. */
function writeWhole(
  asked: AskedWrite,
  payload: Payload | null,
  idempotency: IdempotencyGuard | undefined,
): Promise<SourceReply> {
  const { context, request, target, preferences, parameters, shape, columns, end } = asked;
  const content = bindContent(context.catalog, target, request.method, payload, columns);
  const key = shapeKey(request, target, preferences, content, shape.key);
  const known = context.writePlans.get(key);
  if (known !== undefined) return writePlanned(known);
  return makeWritePlan(context, request, target, preferences, parameters, content).then((plan) => {
    context.writePlans.set(key, plan);
    return writePlanned(plan);
  });

  function writePlanned(plan: WritePlan): Promise<SourceReply> {
    const { text, members } = content;
    const bindings = { operands: shape.operands, cursor: NO_VALUES, content: text, members };
    const commands = [bind(plan.compiled.main, bindings, parameters)];
    const exchange = { settings: context.settings, request, target, preferences, plan };
    const { schema, name } = target.relation;
    const scope = { schema, target: name, timezone: preferences.timezone ?? null };
    const check = createWriteCheck(exchange);
    const mode: TransactionMode = check === undefined ? PLAIN[end] : { ...PLAIN[end], check };
    const isExplained = plan.media.explain !== null;
    const guarded: GuardedWrite = {
      commands,
      mode,
      run: (sent, how) => context.run(request, scope, sent, how),
      answer: (results) => (isExplained ? explainReply(plan, results) : toWriteReply(exchange, results)),
      idempotency: context.idempotency,
      // What is rolled back is no result to be repeated.
      key: end === "rollback" ? undefined : idempotency,
      condition: undefined,
    };
    if (!isHeldTo(context.settings, request)) return runGuarded(guarded);
    return conditionOf(context, request, target, parameters, shape).then((condition) =>
      runGuarded({ ...guarded, condition }),
    );
  }
}

const NO_VALUES: readonly (string | null)[] = [];
const PLAIN: Readonly<Record<TransactionMode["end"], TransactionMode>> = {
  commit: { access: "read write", end: "commit" },
  rollback: { access: "read write", end: "rollback" },
};

/** Carries out an insert whose content goes on. */
function writeInBulk(asked: AskedWrite, type: PayloadType, begun: Buffer): Promise<SourceReply> {
  const { context, request, target, columns } = asked;
  refuseLongWithKey(context, request);
  const batches = startBatches(context, request, target, type, begun, columns !== null);
  return context.bulkTurns(() => insertInBulk(context, { ...asked, batches }));
}

/** Whether a request may insert a list of rows, from its head alone: a POST to something like a relation, of no form and no message. */
export function mayBeBulk(method: string, subpath: string, contentType: string | undefined): boolean {
  return (
    method === "POST" &&
    /^\/[^/]+\/?$/.test(subpath) &&
    !/^application\/(?:x-www-form-urlencoded|(?:x-|vnd\.google\.)?protobuf)\b/i.test(contentType ?? "")
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
  const isList = type !== "form" && type !== "message" && !(type === "json" && startsObject(begun));
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
