import type { CacheHints, Source, SourceReply } from "../api/source.ts";
import type { SourceRequest } from "../api/source-request.ts";
import { HotpathError } from "../errors.ts";
import { toEndedReply } from "../http/ended.ts";
import { toProblemReply } from "../http/problem.ts";
import { addVary } from "../http/vary.ts";
import { type AnswerSettings, toReply } from "./answer.ts";
import { type ContextParts, type Input, RequestContext, toMs } from "./context.ts";
import { toFailureReply } from "./failure.ts";
import { isMessage, prefersMessages } from "./message-media.ts";
import { queryValues, readBytes, readContent, readPart } from "./input.ts";
import { MOST_TAGS, Notes } from "./notes.ts";
import { parametersOf } from "./path.ts";
import type { Route, RouteCache } from "./route.ts";
import { endWith } from "./span.ts";

/** What a route needs to run. */
export type RouteParts = Pick<ContextParts, "database" | "cache" | "log"> & {
  /** `http.maxBodyBytes` */
  readonly maxBodyBytes: number;
  /** All there are, which messages are named among. */
  readonly routes: readonly Route[];
};

/** One route as what answers its requests. */
export function createRouteSource(route: Route, parts: RouteParts): Source {
  return new RouteSource(route, parts);
}

class RouteSource implements Source {
  readonly name = "routes";
  readonly decodesContent = true;
  readonly isForAnyone: boolean;
  readonly admission?: "verify" | "require";
  readonly #route: Route;
  readonly #context: ContextParts;
  readonly #answer: AnswerSettings;
  readonly #caching: Caching | undefined;
  readonly #maxBodyBytes: number;
  readonly #routes: readonly Route[];

  constructor(route: Route, { database, cache, log, maxBodyBytes, routes }: RouteParts) {
    const { method, path, options } = route;
    const { auth = "verify" } = options;
    const isWriting = method !== "GET";
    this.#route = route;
    this.isForAnyone = auth === "none";
    if (auth !== "none") this.admission = auth;
    this.#context = { pattern: path, isWriting, errors: options.errors ?? {}, database, cache, log };
    this.#answer = { pattern: path, reply: options.reply, status: options.status, fields: options.fields };
    this.#caching = isWriting || options.cache === undefined ? undefined : toCaching(options.cache);
    this.#routes = routes;
    this.#maxBodyBytes = Math.min(options.maxBodyBytes ?? maxBodyBytes, maxBodyBytes);
  }

  /** Writes are told to the cache, so that what it has of the same URL goes. */
  get isCacheable(): boolean {
    const { isWriting, database } = this.#context;
    return isWriting || (this.#caching !== undefined && database?.isBehind !== true);
  }

  /** Who shows something that nobody has verified may be told something of their own; who knows of a write wants to see it. */
  mayReuse({ headers, identity }: SourceRequest): boolean {
    if (headers["consistency-token"] !== undefined) return false;
    if (this.isForAnyone) return true;
    const varies = this.#caching?.vary ?? NONE;
    if (headers.cookie !== undefined && !varies.includes("cookie")) return false;
    return identity !== undefined || headers.authorization === undefined || varies.includes("authorization");
  }

  resolve(request: SourceRequest): SourceReply | Promise<SourceReply> {
    try {
      const input = this.#read(request);
      const reply =
        input instanceof Promise ? input.then((read) => this.#run(request, read)) : this.#run(request, input);
      return reply instanceof Promise ? reply.catch((error: unknown) => this.#fail(request, error)) : reply;
    } catch (error) {
      return this.#fail(request, error);
    }
  }

  #read(request: SourceRequest): Input | Promise<Input> {
    const { segments, options, method } = this.#route;
    const given = segments.length === 0 ? NOTHING : parametersOf(segments, request.path);
    const params = readPart(options.params, "parameters", given);
    const query = readPart(options.query, "query", queryValues(request.query));
    const readsBody = method !== "GET" && options.body !== undefined;
    if (!readsBody && !(params instanceof Promise) && !(query instanceof Promise)) {
      return { params, query, body: undefined };
    }
    return this.#readLater(request, params, query, readsBody);
  }

  async #readLater(request: SourceRequest, params: unknown, query: unknown, readsBody: boolean): Promise<Input> {
    const known = { params: await params, query: await query };
    if (!readsBody) return { ...known, body: undefined };
    const body = isMessage(request) ? await this.#readMessage(request) : await readContent(request, this.#maxBodyBytes);
    return { ...known, body: await readPart(this.#route.options.body, "body", body) };
  }

  #run(request: SourceRequest, input: Input): SourceReply | Promise<SourceReply> {
    const notes = this.#caching === undefined ? undefined : new Notes();
    const span = request.span?.begin("handler");
    const context = new RequestContext(this.#context, request, input, notes, span);
    const { handle } = this.#route.options;
    const answer = span === undefined ? handle(context as never) : endWith(span, () => handle(context as never));
    const reply =
      answer instanceof Promise
        ? answer.then((value: unknown) => toReply(this.#answer, request, value))
        : toReply(this.#answer, request, answer);
    return reply instanceof Promise
      ? reply.then((made) => this.#finish(request, input, made, notes))
      : this.#finish(request, input, reply, notes);
  }

  #finish(
    request: SourceRequest,
    input: Input,
    reply: SourceReply,
    notes: Notes | undefined,
  ): SourceReply | Promise<SourceReply> {
    reply.route = this.#route.path;
    const token = this.#context.database?.tokenOf(request);
    if (token !== undefined) reply.headers["consistency-token"] = token;
    if (this.#caching !== undefined && reply.status < 400) mark(reply, request, input, this.#caching, notes);
    const { reply: schema } = this.#route.options;
    if (schema === undefined || reply.status >= 300) return reply;
    // Which of the two is answered depends on it, also for whoever keeps the reply.
    reply.headers["vary"] = addVary(reply.headers["vary"], "Accept");
    return prefersMessages(request) ? this.#toMessage(reply) : reply;
  }

  /** What was answered in JSON as Protocol Buffers. */
  async #toMessage(reply: SourceReply): Promise<SourceReply> {
    const { messagesOf, ROUTES_PACKAGE } = await import("./route-messages.ts");
    const { reply: message } = await messagesOf(this.#route, this.#routes);
    if (typeof reply.body !== "string" || !isJson(reply)) return reply;
    const { toMessage } = await import("./message-value.ts");
    reply.body = toMessage(message, reply.body);
    reply.headers["content-type"] = `application/x-protobuf; messageType="${ROUTES_PACKAGE}.${message.type.name}"`;
    return reply;
  }

  async #readMessage(request: SourceRequest): Promise<unknown> {
    const { messagesOf } = await import("./route-messages.ts");
    const { body: message } = await messagesOf(this.#route, this.#routes);
    if (message === undefined) throw new HotpathError("HP_MEDIA_TYPE_UNSUPPORTED", "This takes no content.");
    const { fromMessage } = await import("./message-value.ts");
    return fromMessage(message, await readBytes(request, this.#maxBodyBytes));
  }

  #fail(request: SourceRequest, error: unknown): SourceReply {
    const failure: SourceReply | undefined =
      toFailureReply(error) ??
      (error instanceof HotpathError && error.status < 500 ? toProblemReply(error) : undefined);
    const reply: SourceReply | undefined = failure ?? toEndedReply(request.signal);
    if (reply === undefined) throw error;
    reply.route = this.#route.path;
    return reply;
  }
}

function isJson({ headers }: SourceReply): boolean {
  return headers["content-type"] === "application/json";
}

/** A route's `cache`, its durations read. */
interface Caching {
  readonly hints: CacheHints;
  readonly tags: RouteCache["tags"];
  /** In lower case. */
  readonly vary: readonly string[];
  readonly clients: string | undefined;
}

function toCaching({
  maxAge,
  staleWhileRevalidate,
  staleIfError,
  tags,
  vary,
  clients,
}: RouteCache<never, never>): Caching {
  const hints = {
    freshForMs: toMs("cache.maxAge", maxAge),
    ...(staleWhileRevalidate !== undefined && {
      staleWhileRevalidateMs: toMs("cache.staleWhileRevalidate", staleWhileRevalidate),
    }),
    ...(staleIfError !== undefined && { staleIfErrorMs: toMs("cache.staleIfError", staleIfError) }),
  };
  const fields = (vary ?? []).map((field) => field.toLowerCase());
  return { hints, tags: tags as RouteCache["tags"], vary: fields, clients };
}

function mark(
  reply: SourceReply,
  request: SourceRequest,
  { params, query }: Input,
  { hints, tags, vary, clients }: Caching,
  notes: Notes | undefined,
): void {
  const { identity } = request;
  const named = typeof tags === "function" ? tags({ params, query, identity }) : (tags ?? NONE);
  const read = notes === undefined ? NONE : notes.tags(MOST_TAGS - named.length);
  const problem = read === undefined ? "too-many-tags" : notes?.problem;
  const all = read === undefined || read.length === 0 ? named : [...named, ...read];
  reply.cache = { ...(problem === undefined ? hints : UNKEPT), tags: all, identity: identity?.key ?? "" };
  if (problem !== undefined) reply.uncachedFor = problem;
  for (const field of vary) reply.headers["vary"] = addVary(reply.headers["vary"], field);
  if (clients !== undefined) reply.headers["cache-control"] ??= clients;
}

/** Asked for again each time. */
const UNKEPT: CacheHints = { freshForMs: 0 };
const NONE: readonly string[] = [];
const NOTHING = Object.freeze({});
