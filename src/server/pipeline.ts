import type { RequestLog, ServerSettings } from "../api/settings.ts";
import type { Log, Source, SourceReply, SourceRequest } from "../api/source.ts";
import type { CacheEngine } from "../cache/engine/index.ts";
import { HotpathError } from "../errors.ts";
import type { HttpReply, HttpRequest, ReplyMemo } from "../http/message.ts";
import { toProblemReply } from "../http/problem.ts";
import type { HttpMetrics } from "../observe/http-metrics.ts";
import { andThen } from "./and-then.ts";
import type { Cors } from "./cors.ts";
import { type Mount, MountedRequest } from "./mounts.ts";
import type { Represent } from "./represent.ts";

/** The parts of the walk, made once at start. */
export interface PipelineParts {
  readonly findMount: (path: string) => Mount | undefined;
  /** Absent: nothing is stored. */
  readonly cache: CacheEngine | undefined;
  readonly represent: Represent;
  readonly cors: Cors;
  readonly metrics: HttpMetrics;
  readonly settings: ServerSettings["http"];
  readonly log: Log;
  /** Which requests get a line in the log. */
  readonly logged: RequestLog;
  /** Others have taken the place of these parts: no reply of theirs may be repeated any more. */
  readonly isOver: () => boolean;
}

/**
 * A request's whole walk, in order: admit, recall, resolve, represent. A fixed sequence rather than a chain of
 * middleware: `walk` is what happens. It answers at once where every step does, as with a reply that is stored.
 *
 * One step is yet to come and has its place marked by name: `admit` will hold identity and limits.
 */
export function createPipeline(parts: PipelineParts): (request: HttpRequest) => HttpReply | Promise<HttpReply> {
  const { represent, cors, metrics, settings, log } = parts;
  const leastLogged = LEAST_LOGGED[parts.logged];
  const addsFields = cors.isOn || settings.traceHeader !== null || settings.serverTiming;

  function walk(state: WalkState): HttpReply | Promise<HttpReply> {
    const { request } = state;
    // admit
    const preflight = cors.preflight(request);
    if (preflight !== undefined) return preflight;
    // recall, resolve
    const { path } = request;
    const mount = parts.findMount(path);
    if (mount !== undefined) state.route = mount.basePath === "" ? "/" : mount.basePath;
    return andThen(recall(parts.cache, request, path, mount, log), (resolved) => {
      if (settings.serverTiming) state.resolvedAt = performance.now();
      if (resolved.route !== undefined) state.route = resolved.route;
      // represent
      return andThen(represent(request, resolved), (reply) => dress(state, resolved, reply));
    });
  }

  /** Adds what is this request's own. */
  function dress(state: WalkState, resolved: SourceReply, reply: HttpReply): HttpReply {
    const { request, startedAt, resolvedAt, route } = state;
    if (addsFields) {
      if (reply.isShared === true) unshare(reply);
      cors.allow(request, reply.headers);
      if (settings.traceHeader !== null) echo(request, reply, settings.traceHeader);
      if (settings.serverTiming) addServerTiming(reply, startedAt, resolvedAt);
    }
    if (resolved.memo !== undefined && !settings.serverTiming) {
      reply.memo = counted(resolved.memo, parts.isOver, () =>
        record(request.method, request.path, route, reply.status, 0),
      );
    }
    return reply;
  }

  function end({ request, route, startedAt }: WalkState, status: number): void {
    metrics.end();
    record(request.method, request.path, route, status, (performance.now() - startedAt) / 1000);
  }

  function record(method: string, path: string, route: string, status: number, seconds: number): void {
    metrics.record(method, route, status, seconds);
    if (status >= leastLogged) logRequest(log, { method, path, route, status, seconds });
  }

  return (request) => {
    const state: WalkState = { request, startedAt: performance.now(), resolvedAt: 0, route: UNMATCHED };
    metrics.begin();
    const arrived = (reply: HttpReply): HttpReply => {
      end(state, reply.status);
      return reply;
    };
    const failed = (error: unknown): never => {
      end(state, 500);
      throw error;
    };
    try {
      const reply = walk(state);
      if (reply instanceof Promise) return reply.then(arrived, failed);
      end(state, reply.status);
      return reply;
    } catch (error) {
      return failed(error);
    }
  };
}

/** A request on its walk. */
interface WalkState {
  readonly request: HttpRequest;
  readonly startedAt: number;
  resolvedAt: number;
  /** The pattern that metrics and logs name. */
  route: string;
}

/** A repeated reply counts like any other. */
function counted(memo: ReplyMemo, isOver: () => boolean, count: () => void): ReplyMemo {
  return {
    untilMs: memo.untilMs,
    isCurrent: () => !isOver() && memo.isCurrent(),
    repeat() {
      if (!memo.repeat()) return false;
      count();
      return true;
    },
  };
}

/** The lowest status that is logged. */
const LEAST_LOGGED: Readonly<Record<RequestLog, number>> = {
  none: Number.POSITIVE_INFINITY,
  failed: 500,
  errors: 400,
  all: 0,
};

/** One line a request. The path goes without its query, which may hold what people typed. */
function logRequest(
  log: Log,
  { seconds, ...request }: { method: string; path: string; route: string; status: number; seconds: number },
): void {
  log.info({ ...request, ms: Math.round(seconds * 1e6) / 1000 }, "request");
}

/** Endpoint label of requests that no source is mounted for. */
const UNMATCHED = "unmatched";

/** Answers from the cache, which asks the source where it must; a source that is never cached is asked at once. */
function recall(
  cache: CacheEngine | undefined,
  request: HttpRequest,
  path: string,
  mount: Mount | undefined,
  log: Log,
): SourceReply | Promise<SourceReply> {
  if (mount === undefined) {
    return toProblemReply(new HotpathError("HP_NOT_FOUND", "Nothing is served at this path."));
  }
  const { source } = mount;
  const mounted = new MountedRequest(request, path, mount.basePath);
  if (cache === undefined || source.isCacheable === false) return resolve(source, mounted, log);
  return cache.recall(mounted, (asked) => resolve(source, asked, log));
}

/** Asks the one source; its expected failures become replies, the rest goes to the log. */
function resolve(source: Source, request: SourceRequest, log: Log): SourceReply | Promise<SourceReply> {
  try {
    const reply = source.resolve(request);
    return reply instanceof Promise ? reply.catch((error: unknown) => toFailure(error, request, log)) : reply;
  } catch (error) {
    return toFailure(error, request, log);
  }
}

function toFailure(error: unknown, { method, path }: SourceRequest, log: Log): SourceReply {
  if (!(error instanceof HotpathError)) {
    log.error({ err: error, method, path }, "a source failed");
    return toProblemReply(new HotpathError("HP_INTERNAL", "The request could not be answered."));
  }
  if (error.status >= 500) log.warn({ err: error, method, path }, "request failed");
  return toProblemReply(error);
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

/** Where the time went, for the client's own tools (Server-Timing, W3C). */
function addServerTiming(reply: HttpReply, startedAt: number, resolvedAt: number): void {
  const now = performance.now();
  reply.headers["server-timing"] =
    `resolve;dur=${(resolvedAt - startedAt).toFixed(1)}, represent;dur=${(now - resolvedAt).toFixed(1)}`;
}
