import { LEAST_LOGGED } from "../api/request-log.ts";
import type { RequestLog, ServerSettings } from "../api/settings.ts";
import type { Log, Source, SourceReply } from "../api/source.ts";
import type { SourceRequest } from "../api/source-request.ts";
import type { Verdict } from "../auth/authenticator.ts";
import type { Identity } from "../auth/identity.ts";
import { decodeContent } from "../content/decoded-request.ts";
import { CredentialsRefused } from "../auth/refusal.ts";
import type { CacheEngine } from "../cache/engine/index.ts";
import { HotpathError } from "../errors.ts";
import type { HttpReply, HttpRequest } from "../http/message.ts";
import { toProblemReply } from "../http/problem.ts";
import { NO_FIELDS } from "../limit/limits.ts";
import type { HttpMetrics } from "../observe/http-metrics.ts";
import type { Trace } from "../observe/trace/span.ts";
import type { Tracer } from "../observe/trace/tracer.ts";
import type { EndedReply } from "../observe/trace/ended-trace.ts";
import { type Admit, refuse } from "./admit.ts";
import { andThen } from "./and-then.ts";
import type { Cors } from "./cors.ts";
import { type LimitStep, settleWith, toLimitedRequest, toLimitReply } from "./limited.ts";
import type { BodyLimit } from "./listener/index.ts";
import { type FindMount, type Mount, toMounted } from "./mounts.ts";
import type { OverloadStep } from "./overload.ts";
import type { PurgeMethod } from "./purge-method.ts";
import type { Represent } from "./represent.ts";
import { always, endOf, repeatable, repeatedAdmission } from "./repeatable.ts";
import { resolve, toFailure, withoutGuesses } from "./resolve.ts";
import { RequestTiming } from "./timing.ts";
import { recallTraced } from "./traced-recall.ts";
import { traceOf, type WalkState } from "./walk-state.ts";

/** The parts of the walk, made once at start. */
export interface PipelineParts {
  readonly findMount: FindMount;
  readonly admit: Admit;
  /** Absent: nothing is counted. */
  readonly limit: LimitStep | undefined;
  /** Absent: sources are given whatever comes. */
  readonly overload: OverloadStep | undefined;
  /** Absent: nothing is stored. */
  readonly cache: CacheEngine | undefined;
  readonly purge: PurgeMethod;
  readonly represent: Represent;
  readonly cors: Cors;
  readonly metrics: HttpMetrics;
  /** Absent: requests are not followed. */
  readonly tracer: Tracer | undefined;
  readonly settings: ServerSettings["http"];
  /** How many bytes of content a request may have. */
  readonly maxBodyBytes: BodyLimit;
  readonly log: Log;
  /** Which requests get a line in the log. */
  readonly logged: RequestLog;
  /** Requests that take longer are logged, too; `null`: none is for that. */
  readonly slowMs: number | null;
  /** Others have taken the place of these parts: no reply of theirs may be repeated any more. */
  readonly isOver: () => boolean;
}

/**
 * A request's whole walk, in order: admit, recall, resolve, represent. A fixed sequence rather than a chain of
 * middleware: `walk` is what happens. It answers at once where every step does, as with a reply that is stored.
 */
export function createPipeline(parts: PipelineParts): (request: HttpRequest) => HttpReply | Promise<HttpReply> {
  const { admit, represent, cors, metrics, tracer, settings, log } = parts;
  const leastLogged = LEAST_LOGGED[parts.logged];
  const slowSeconds = (parts.slowMs ?? Number.POSITIVE_INFINITY) / 1000;
  const addsFields = cors.isOn || settings.traceHeader !== null || settings.serverTiming;

  function walk(state: WalkState): HttpReply | Promise<HttpReply> {
    const { request } = state;
    // admit
    const preflight = cors.preflight(request);
    if (preflight !== undefined) return preflight;
    const purged = parts.purge(request);
    if (purged !== undefined) return purged;
    const mount = parts.findMount(request.path, request.method);
    if (mount !== undefined) {
      state.route = mount.pattern ?? (mount.basePath === "" ? "/" : mount.basePath);
      state.source = mount.source;
    }
    const judged = mount === undefined ? undefined : admit.judge(request, mount);
    return judged instanceof Promise
      ? judged.then((verdict) => count(state, mount, verdict))
      : count(state, mount, judged);
  }

  /** Counts the request under its limits, those of who was refused, too. */
  function count(
    state: WalkState,
    mount: Mount | undefined,
    verdict: Verdict | undefined,
  ): HttpReply | Promise<HttpReply> {
    const { limit } = parts;
    if (limit === undefined) return answer(state, mount, verdict);
    state.limited = toLimitedRequest(state.request, limit.limits, identityOf(verdict));
    return andThen(limit.limits.admit(state.limited), (admission) => {
      state.admission = admission;
      if (admission.refused.length === 0) return answer(state, mount, verdict);
      for (const { policy } of admission.refused) limit.refused(policy.name);
      const refusal = toLimitReply(admission);
      cors.allow(state.request, refusal.headers);
      return takesMessages(state.request) ? toStatus(refusal) : refusal;
    });
  }

  function answer(
    state: WalkState,
    mount: Mount | undefined,
    verdict: Verdict | undefined,
  ): HttpReply | Promise<HttpReply> {
    const { request } = state;
    state.timing?.mark("jwt");
    state.trace?.admitted();
    // recall, resolve
    const resolved = recall(parts, request, mount, verdict, state);
    return resolved instanceof Promise
      ? resolved.then((later) => show(state, verdict, later))
      : show(state, verdict, resolved);
  }

  function show(state: WalkState, verdict: Verdict | undefined, resolved: SourceReply): HttpReply | Promise<HttpReply> {
    state.timing?.resolved();
    state.trace?.resolved(resolved.body);
    if (resolved.route !== undefined) state.route = resolved.route;
    if (parts.overload?.isRefusal(resolved) === true) state.isRefusal = true;
    if (resolved.status >= 400 && takesMessages(state.request)) {
      return toStatus(resolved).then((told) => represented(state, told, verdict));
    }
    return represented(state, resolved, verdict);
  }

  function represented(
    state: WalkState,
    resolved: SourceReply,
    verdict: Verdict | undefined,
  ): HttpReply | Promise<HttpReply> {
    // represent
    const reply = represent(state.request, resolved);
    return reply instanceof Promise
      ? reply.then((later) => dress(state, resolved, verdict, later))
      : dress(state, resolved, verdict, reply);
  }

  /** Adds what is this request's own. */
  function dress(state: WalkState, resolved: SourceReply, verdict: Verdict | undefined, reply: HttpReply): HttpReply {
    const { request, timing, route, source, generation, admission, limited } = state;
    if (addsFields || verdict !== undefined || (admission !== undefined && admission.fields !== NO_FIELDS)) {
      if (reply.isShared === true) unshare(reply);
      if (verdict !== undefined) admit.vary(reply.headers);
      Object.assign(reply.headers, admission?.fields);
      cors.allow(request, reply.headers);
      if (settings.traceHeader !== null) echo(request, reply, settings.traceHeader);
      timing?.mark("response");
      if (timing !== undefined) reply.headers["server-timing"] = timing.toString();
    }
    if (resolved.memo !== undefined && timing === undefined && (parts.limit?.limits.isLocal ?? true)) {
      // The reply may be repeated for long: what is kept for that must not hold the request.
      const { method, path } = request;
      const { status } = reply;
      const isOver = (): boolean => parts.isOver() || admit.generation !== generation || source?.isCacheable === false;
      const recordAgain = (): void => {
        tracer?.passed();
        record(method, path, route, status, 0, undefined);
      };
      const admitAgain = limited === undefined ? always : repeatedAdmission(parts.limit, limited, request, reply);
      // A request that is to be traced goes on the walk.
      const mayRepeat = (from: string): boolean => tracer?.isNextSampled !== true && admitAgain(from);
      reply.memo = repeatable(resolved.memo, endOf(verdict), isOver, mayRepeat, recordAgain);
    }
    return reply;
  }

  function end(state: WalkState, reply: EndedReply): void {
    const { request, route, startedAt, isRefusal } = state;
    metrics.end();
    const seconds = (performance.now() - startedAt) / 1000;
    const isTold = tracer?.isNotable(reply.status, seconds * 1000) === true || isLogged(reply.status, seconds);
    const trace = isTold ? traceOf(state, tracer) : state.trace;
    if (trace !== undefined) tracer?.end(trace, request, route, reply);
    if (isRefusal) metrics.record(request.method, route, reply.status, seconds, trace?.keptId);
    else record(request.method, request.path, route, reply.status, seconds, trace);
  }

  function record(
    method: string,
    path: string,
    route: string,
    status: number,
    seconds: number,
    trace: Trace | undefined,
  ): void {
    metrics.record(method, route, status, seconds, trace?.keptId);
    if (isLogged(status, seconds)) logRequest(log, { method, path, route, status, seconds, trace });
  }

  function isLogged(status: number, seconds: number): boolean {
    return status >= leastLogged || seconds > slowSeconds;
  }

  return (request) => {
    const startedAt = performance.now();
    const timing = settings.serverTiming ? new RequestTiming(startedAt) : undefined;
    const { generation } = admit;
    const trace = tracer?.begin(request, startedAt);
    // Whole from the beginning: a member that is added later has to be put elsewhere.
    const state: WalkState = {
      request,
      startedAt,
      timing,
      trace,
      route: UNMATCHED,
      source: undefined,
      isRefusal: false,
      generation,
      limited: undefined,
      admission: undefined,
    };
    metrics.begin();
    try {
      const reply = walk(state);
      if (!(reply instanceof Promise)) return arrived(state, reply);
      return reply.then(
        (later) => arrived(state, later),
        (error: unknown) => failed(state, error),
      );
    } catch (error) {
      return failed(state, error);
    }
  };

  function arrived(state: WalkState, reply: HttpReply): HttpReply {
    if (state.admission !== undefined) settleWith(state.admission, reply);
    end(state, reply);
    return reply;
  }

  function failed(state: WalkState, error: unknown): never {
    state.admission?.settle(NOTHING_USED);
    end(state, FAILED);
    throw error;
  }
}

/** Whether the client takes Protocol Buffers, also of errors. */
function takesMessages({ headers: { accept } }: HttpRequest): boolean {
  return accept !== undefined && accept.includes("protobuf");
}

async function toStatus<Reply extends HttpReply>(reply: Reply): Promise<Reply> {
  return (await import("../content/grpc/status-reply.ts")).toStatusReply(reply);
}

function identityOf(verdict: Verdict | undefined): Identity | undefined {
  return verdict instanceof CredentialsRefused ? undefined : verdict;
}

const FAILED = { status: 500 };
const NOTHING_USED = { rows: 0, bytes: 0 };

/** One line a request. The path goes without its query, which may hold what people typed. */
function logRequest(log: Log, { seconds, trace, ...request }: LoggedRequest): void {
  const traced = trace === undefined ? undefined : { trace_id: trace.id, span_id: trace.root.id };
  log.info({ ...request, ms: Math.round(seconds * 1e6) / 1000, ...traced }, "request");
}

interface LoggedRequest {
  readonly method: string;
  readonly path: string;
  readonly route: string;
  readonly status: number;
  readonly seconds: number;
  readonly trace: Trace | undefined;
}

/** Endpoint label of requests that no source is mounted for. */
const UNMATCHED = "unmatched";

/**
 * Answers from the cache, which asks the source where it must; a source that is never cached is asked at once. Who is refused gets
 * neither.
 */
function recall(
  parts: PipelineParts,
  request: HttpRequest,
  mount: Mount | undefined,
  verdict: Verdict | undefined,
  state: WalkState,
): SourceReply | Promise<SourceReply> {
  const { cache, overload, maxBodyBytes, settings } = parts;
  const { timing, trace } = state;
  if (mount === undefined) {
    return toProblemReply(new HotpathError("HP_NOT_FOUND", "Nothing is served at this path."));
  }
  const { source } = mount;
  const isPlain = !settings.securityHeaders;
  timing?.resolving();
  const isRefused = verdict instanceof CredentialsRefused;
  let asked = request;
  if (source.decodesContent === true && request.headers["content-encoding"] !== undefined) {
    try {
      asked = decodeContent(request, maxBodyBytes);
    } catch (error) {
      return toFailure(error, state, parts);
    }
  }
  const mounted = toMounted(asked, mount, isRefused ? undefined : verdict, timing);
  mounted.span = trace?.root;
  if (isRefused) return isPlain ? refuse(mount, mounted, verdict) : withoutGuesses(refuse(mount, mounted, verdict));
  // What the cache answers touches no source, and waits for none.
  const ask = (wanted: SourceRequest): SourceReply | Promise<SourceReply> => {
    const gate = overload?.gateOf(mount);
    if (gate === undefined || gate.isOpen) return resolve(source, wanted, state, parts, gate);
    return new Promise((settle) => {
      gate.wait(wanted, (refusal) => settle(refusal ?? resolve(source, wanted, state, parts, gate)));
    });
  };
  if (cache === undefined || source.isCacheable === false || isUnique(source, mounted)) return ask(mounted);
  return trace === undefined
    ? cache.recall(mounted, ask, verdict?.key)
    : recallTraced(cache, mounted, trace, ask, verdict?.key);
}

/** Whether a read asks for more than any stored reply may have. */
function isUnique(source: Source, request: SourceRequest): boolean {
  const isRead = request.method === "GET" || request.method === "HEAD";
  return isRead && source.mayReuse?.(request) === false;
}

function unshare(reply: HttpReply): void {
  reply.headers = { ...reply.headers };
  reply.isShared = false;
  delete reply.rendering;
}

function echo(request: HttpRequest, reply: HttpReply, header: string): void {
  const value = request.headers[header.toLowerCase()];
  if (typeof value === "string") reply.headers[header.toLowerCase()] = value;
}
