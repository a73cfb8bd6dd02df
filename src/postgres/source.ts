import type { Database } from "../api/database.ts";
import type { Log, Source, RequestHead, SourceContext, SourceReply, SourceRequest } from "../api/source.ts";
import type { PostgresSettings } from "../api/settings.ts";
import type { CredentialsRefused } from "../auth/refusal.ts";
import { HotpathError } from "../errors.ts";
import { toEndedReply } from "../http/ended.ts";
import { toProblemReply } from "../http/problem.ts";
import { call } from "./call/call.ts";
import type { CallPlan } from "./call/call-plan.ts";
import { type CatalogQuery, readCatalog } from "./catalog/read-catalog.ts";
import type { Catalog } from "./catalog/types.ts";
import { createQueryCache } from "./changes/query-cache.ts";
import type { TagSource } from "./changes/read-tags.ts";
import type { Tracker } from "./changes/tracker.ts";
import { createTypeResolver, type TypeResolver } from "./cast-types.ts";
import { toDialectError } from "./database-error.ts";
import { errorReply, notLoaded } from "./error-reply.ts";
import { createDocuments, type Documents, type DocumentSettings } from "./openapi/index.ts";
import { createIdempotency, type Idempotency } from "./idempotency/index.ts";
import { createPlanCache, type PlanCache } from "./plan-cache.ts";
import { createRouter } from "./create-router.ts";
import { type Command, createStatement, type Listener, type Pool } from "./pool/index.ts";
import { allowedMethods, refuseMethod } from "./methods.ts";
import { impersonate, isAuthenticated, toDialectRefusal } from "./impersonation.ts";
import { NO_PREFERENCES, type Preferences, readPreferences, recallPreferences } from "./preferences.ts";
import { createQueryLog, type QueryLog } from "./query-log.ts";
import { read } from "./read.ts";
import type { ReadPlan } from "./read-plan.ts";
import { assertDescribed, describeRoot } from "./root.ts";
import { resolveRoute, type Route } from "./route.ts";
import { createTransactionRunner, runOwn, type RunTransaction, type TransactionMode } from "./run-transaction.ts";
import type { ReadOrigin, Router } from "./replicas/index.ts";
import { createSqlDatabase } from "./sql/sql-database.ts";
import { createStatementMetrics, type TimeStatement } from "./statement-metrics.ts";
import { createTurns, type Turns } from "./turns.ts";
import { mayBeBulk, write } from "./write.ts";
import type { WriteContext } from "./write-plan.ts";
import type { Setting, TransactionScope } from "./transaction.ts";

/** Plans of request shapes that are kept; a shape is a few kilobytes. */
const MAX_PLANS = 2000;

/** What a catalog brings with it: all of it goes when the catalog is read again. */
interface Schema {
  readonly catalog: Catalog;
  readonly relations: WriteContext;
  readonly calls: PlanCache<CallPlan>;
  readonly types: TypeResolver;
  readonly documents: Documents;
  /** What the replies depend on, where they are cached. */
  readonly tagSource: TagSource | undefined;
}

/** What a source tells whoever made it. */
export interface PostgresEvents {
  /** The database asks for the configuration to be read again, or may have while it could not be heard. */
  readonly reconfigure?: () => void;
}

/** Serves the tables and views of a PostgreSQL database in PostgREST's dialect. */
export function createPostgresSource(settings: PostgresSettings, events: PostgresEvents = {}): Source {
  return new PostgresSource(settings, events);
}

class PostgresSource implements Source {
  readonly name = "postgres";
  readonly decodesContent = true;
  readonly admission = "verify";
  readonly #settings: PostgresSettings;
  readonly #events: PostgresEvents;
  readonly #runTransaction: RunTransaction;
  readonly #queryLog: QueryLog | undefined;
  /** `Consistency-Token` of each request that has committed something. */
  readonly #committed = new WeakMap<SourceRequest, string>();
  /** What the read of each request has seen, where positions are tracked. */
  readonly #origins = new WeakMap<SourceRequest, ReadOrigin>();
  #database: Database | undefined;
  #router: Router | undefined;
  #timed: TimeStatement | undefined;
  #tracker: Tracker | undefined;
  #log: Log | undefined;
  #schema: Schema | undefined;
  #listener: Listener | undefined;
  #loading: Promise<void> | undefined;
  #nextLoading: Promise<void> | undefined;
  /** The last attempt to find out what replies depend on; never rejects. */
  #caching: Promise<void> = Promise.resolve();
  #isStarting = true;
  #isAuthenticating = false;
  #maxBodyBytes = Infinity;
  readonly #bulkTurns: Turns;
  readonly #idempotency: Idempotency;
  #retry: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(settings: PostgresSettings, events: PostgresEvents) {
    this.#settings = settings;
    this.#events = events;
    // The other connections stay free for everybody else.
    this.#bulkTurns = createTurns(Math.max(1, Math.floor(settings.pool.max / 2)), "bulk inserts");
    this.#idempotency = createIdempotency(settings, (commands) =>
      this.#requireRouter().write(async (pool) => runOwn(pool, commands)),
    );
    const run = createTransactionRunner(
      settings,
      () => this.#requireRouter(),
      (request, token) => this.#committed.set(request, token),
      () => this.#schema?.catalog,
      (request, origin) => this.#origins.set(request, origin),
      (...call) => this.#timed?.(...call),
    );
    const queryLog = settings.logQueries === "none" ? undefined : createQueryLog(settings.logQueries, () => this.#log);
    this.#queryLog = queryLog;
    this.#runTransaction =
      queryLog === undefined
        ? run
        : (request, scope, commands, mode) => {
            queryLog.note(request, commands);
            return run(request, scope, commands, mode);
          };
  }

  /** For routes. */
  get database(): Database {
    this.#database ??= createSqlDatabase({
      settings: this.#settings,
      run: this.#runTransaction,
      catalog: () => this.#schema?.catalog,
      tokenOf: (request) => this.#committed.get(request),
      written: async () => this.#tracker?.written(undefined),
    });
    return this.#database;
  }

  get isCacheable(): boolean {
    return this.#tracker?.isUsable ?? false;
  }

  /** A client may know of something newer than what is stored, or want to be told how new the reply is. */
  mayReuse(request: SourceRequest): boolean {
    const router = this.#router;
    if (router === undefined || !router.tracksPositions) return true;
    if (router.isFollowed(request)) return false;
    try {
      const need = router.needOf(request);
      if (need === undefined) return true;
      return typeof need === "object" && (this.#tracker?.covers(need) ?? false);
    } catch {
      // The source refuses what cannot be read.
      return false;
    }
  }

  async start({ log, metrics, isAuthenticating, maxBodyBytes, cache }: SourceContext): Promise<void> {
    this.#log = log;
    this.#timed = createStatementMetrics(metrics);
    this.#isAuthenticating = isAuthenticating;
    this.#maxBodyBytes = maxBodyBytes;
    const isCached = cache !== undefined && this.#settings.queryCache.enabled;
    this.#router = createRouter(this.#settings, log, metrics, isCached);
    await this.#router.start();
    if (isCached) {
      const { createTracker } = await import("./changes/tracker.ts");
      const query: CatalogQuery = async (text, values) => {
        const run = (pool: Pool) => pool.run([{ statement: createStatement(text), values }], CATALOG_OPTIONS);
        // A replica might not know yet what the primary's log tells of.
        return (await this.#requireRouter().write(run))[0]?.rows ?? [];
      };
      const restructured = (): void => void this.reload();
      const settings = this.#settings;
      this.#tracker = createTracker({ settings, log, metrics, cache, query, router: this.#router, restructured });
    }
    if (this.#settings.reloadChannel !== null) await this.#listen(this.#router, this.#settings.reloadChannel);
    await this.#load();
    this.#isStarting = false;
  }

  /** Resolves once the channel is listened to, so that no change is missed between the catalog and its first notification. */
  async #listen(router: Router, channel: string): Promise<void> {
    const listening = Promise.withResolvers<void>();
    let isStarted = false;
    this.#listener = router.listen(
      channel,
      (payload) => this.#notified(payload),
      () => {
        // A notification may have been missed while nobody listened.
        if (isStarted) this.#notified("");
        listening.resolve();
      },
    );
    const patience = setTimeout(listening.resolve, router.isReachable() ? LISTEN_PATIENCE_MS : 0);
    await listening.promise;
    clearTimeout(patience);
    isStarted = true;
  }

  /** Nothing in particular asks for everything. */
  #notified(payload: string): void {
    if (payload === "" || payload === "reload schema") void this.reload();
    if (payload === "" || payload === "reload config") this.#events.reconfigure?.();
  }

  maxBodyBytes({ method, subpath, headers }: RequestHead): number {
    const { maxBulkBytes } = this.#settings;
    return maxBulkBytes !== null && mayBeBulk(method, subpath, headers["content-type"]) ? maxBulkBytes : 0;
  }

  /** Continued by callbacks: a quick read spends less on its statement than on a few async functions. */
  resolve(request: SourceRequest): SourceReply | Promise<SourceReply> {
    let route: Route | undefined;
    try {
      // Who may not ask learns nothing of what there is.
      impersonate(this.#settings, request);
      const schema = this.#schema;
      if (schema === undefined) throw notLoaded();
      route = resolveRoute(schema.catalog, this.#settings, request);
      request.timing?.mark("parse");
      const reply = this.#dispatch(schema, request, route);
      if (!(reply instanceof Promise)) return this.#finish(request, route, reply);
      return reply.then(
        (answered) => this.#finish(request, route, answered),
        (error: unknown) => this.#fail(request, route, error),
      );
    } catch (error) {
      return this.#fail(request, route, error);
    }
  }

  #finish(request: SourceRequest, route: Route | undefined, reply: SourceReply): SourceReply {
    if (route !== undefined) {
      // Failures count at their route, too.
      reply.route = route.pattern;
      const token = this.#committed.get(request);
      if (token !== undefined) reply.headers["consistency-token"] = token;
    }
    this.#queryLog?.answered(request, reply.status);
    return reply;
  }

  #fail(request: SourceRequest, route: Route | undefined, error: unknown): SourceReply {
    return this.#finish(request, route, this.#toErrorReply(error, request));
  }

  /** Reads the catalog again; requests go on with the old one until then. */
  async reload(): Promise<void> {
    await this.#load();
  }

  isReady(): boolean {
    return this.#schema !== undefined && (this.#router?.isReachable() ?? false);
  }

  isSaturated(): boolean {
    return this.#router?.isSaturated() ?? false;
  }

  describe(): Readonly<Record<string, string>> {
    if (this.#tracker === undefined) return {};
    return { changes: this.#tracker.reason ?? "followed" };
  }

  /** What is served, for a start-up message. */
  get catalog(): Catalog | undefined {
    return this.#schema?.catalog;
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#retry);
    await this.#listener?.close();
    await this.#tracker?.close();
    await this.#router?.close();
  }

  refuse(_request: SourceRequest, refusal: CredentialsRefused): SourceReply {
    return errorReply(toDialectRefusal(refusal), this.#settings.errorVerbosity);
  }

  /** The reply to a failure that has one; throws the others again. */
  #toErrorReply(error: unknown, request: SourceRequest): SourceReply {
    const dialect = toDialectError(error, isAuthenticated(this.#settings, request));
    if (dialect !== undefined) {
      if (dialect.status >= 500)
        this.#log?.warn({ err: dialect.cause ?? dialect, code: dialect.code }, "request failed");
      return errorReply(dialect, this.#settings.errorVerbosity);
    }
    if (error instanceof HotpathError && error.status < 500) return toProblemReply(error);
    const ended = toEndedReply(request.signal);
    if (ended !== undefined) return ended;
    throw error;
  }

  #dispatch(schema: Schema, request: SourceRequest, route: Route): Promise<SourceReply> | SourceReply {
    const { method } = request;
    if (route.kind === "root") assertDescribed(this.#settings);
    if (method === "OPTIONS") return optionsReply(allowedMethods(schema.catalog, route));
    refuseMethod(schema.catalog, route, method);
    if (route.kind === "call") return this.#call(schema, request, route);
    if (route.kind === "root") return this.#describe(schema, request, route);
    return this.#readOrWrite(schema, request, route);
  }

  #describe(
    { documents }: Schema,
    request: SourceRequest,
    route: Extract<Route, { kind: "root" }>,
  ): Promise<SourceReply> {
    const scope = { schema: route.schema, timezone: null };
    const run = (commands: readonly Command[]) => this.#runTransaction(request, scope, commands);
    return describeRoot({ settings: this.#settings, documents, run }, request, route);
  }

  #readOrWrite(
    { catalog, relations }: Schema,
    request: SourceRequest,
    route: Extract<Route, { kind: "relation" }>,
  ): Promise<SourceReply> {
    const isRead = request.method === "GET" || request.method === "HEAD";
    if (isRead && request.headers.prefer === undefined) return read(relations, request, route, NO_PREFERENCES);
    return this.#withPreferences(catalog, request, (preferences) =>
      isRead
        ? read(relations, request, route, preferences)
        : this.#purged(write(relations, request, route, preferences), route.relation.oid),
    );
  }

  #call(
    { catalog, calls, types, relations: { queryCache } }: Schema,
    request: SourceRequest,
    route: Extract<Route, { kind: "call" }>,
  ): Promise<SourceReply> {
    return this.#withPreferences(catalog, request, (preferences) => {
      const scope = this.#scopeOf(route.schema, preferences);
      const run = (commands: readonly Command[], mode: TransactionMode, settings: readonly Setting[]) =>
        this.#runTransaction(request, { ...scope, target: route.pattern, settings }, commands, mode);
      const idempotency = this.#idempotency;
      const settings = this.#settings;
      const context = { settings, catalog, queryCache, plans: calls, run, resolveTypes: types, idempotency };
      const called = call(context, request, route, preferences);
      return request.method === "POST" ? this.#purged(called, undefined) : called;
    });
  }

  #withPreferences(
    catalog: Catalog,
    request: SourceRequest,
    answer: (preferences: Preferences) => Promise<SourceReply>,
  ): Promise<SourceReply> {
    const { prefer } = request.headers;
    // Most requests prefer nothing, and then there is nothing to wait for.
    const known = prefer === undefined ? NO_PREFERENCES : recallPreferences(catalog, prefer);
    return known !== undefined ? answer(known) : readPreferences(catalog, prefer ?? "").then(answer);
  }

  #scopeOf(schema: string, { timezone }: Preferences): TransactionScope {
    return { schema, timezone: timezone ?? null };
  }

  /** Whoever is told of a write, or hears of it from who was told, gets no reply from before it. */
  #purged(written: Promise<SourceReply>, relation: number | undefined): Promise<SourceReply> {
    const tracker = this.#tracker;
    if (tracker === undefined) return written;
    return written.then(async (reply) => {
      await tracker.written(relation);
      return reply;
    });
  }

  #requireRouter(): Router {
    if (this.#router === undefined) throw new HotpathError("HP_UNAVAILABLE", "The source was not started.");
    return this.#router;
  }

  /** One read at a time. Whoever asks meanwhile shares the next: the one under way may not see what they ask for. */
  #load(): Promise<void> {
    if (this.#nextLoading !== undefined) return this.#nextLoading;
    const begin = () => {
      this.#nextLoading = undefined;
      this.#loading = this.#readCatalog().finally(() => {
        this.#loading = undefined;
      });
      return this.#loading;
    };
    if (this.#loading === undefined) return begin();
    this.#nextLoading = this.#loading.then(begin, begin);
    return this.#nextLoading;
  }

  #documentSettings(): DocumentSettings {
    const { allowAnonymous, anonRole } = this.#settings;
    const isOpen = allowAnonymous && (anonRole !== null || !this.#isAuthenticating);
    return { ...this.#settings, allowAnonymous: isOpen, takesTokens: this.#isAuthenticating };
  }

  async #readCatalog(): Promise<void> {
    const router = this.#requireRouter();
    // What the catalog asks for later may be asked of any server.
    let reading: Pool | undefined;
    const query = async (text: string, values: readonly (string | null)[]) => {
      const ask = (pool: Pool) =>
        pool.run([{ statement: { name: "", text }, values }], { timeoutMs: CATALOG_TIMEOUT_MS });
      const [result] = await (reading === undefined ? router.read(() => undefined, ask) : ask(reading));
      return result?.rows ?? [];
    };
    try {
      const catalog = await router.catalog((pool) => {
        reading = pool;
        return readCatalog(query, this.#settings);
      });
      reading = undefined;
      const types = createTypeResolver(query);
      if (catalog.version === this.#schema?.catalog.version) {
        // Types that no column has yet are not part of the version.
        this.#schema = { ...this.#schema, types, relations: { ...this.#schema.relations, resolveTypes: types } };
      } else {
        this.#schema = {
          catalog,
          relations: {
            settings: this.#settings,
            catalog,
            plans: createPlanCache(MAX_PLANS),
            writePlans: createPlanCache(MAX_PLANS),
            queryCache: undefined,
            resolveTypes: types,
            run: this.#runTransaction,
            maxBodyBytes: this.#maxBodyBytes,
            bulkTurns: this.#bulkTurns,
            idempotency: this.#idempotency,
          },
          calls: createPlanCache(MAX_PLANS),
          types,
          documents: createDocuments(catalog, this.#documentSettings()),
          tagSource: undefined,
        };
        this.#log?.info({ relations: countRelations(catalog) }, "catalog loaded");
      }
      this.#caching = this.#caching.then(() => this.#cacheReplies(catalog));
      // The first requests do not wait for the cache.
      if (!this.#isStarting) await this.#caching;
    } catch (error) {
      if (error instanceof HotpathError && isFinal(error) && this.#isStarting) throw error;
      if (this.#closed) return;
      this.#log?.warn({ reason: messageOf(error) }, "the catalog could not be read; trying again");
      clearTimeout(this.#retry);
      this.#retry = setTimeout(() => void this.#load(), CATALOG_RETRY_MS);
      this.#retry.unref();
    }
  }

  /** Finds out what replies depend on, and has them cached from then on. */
  async #cacheReplies(catalog: Catalog): Promise<void> {
    const tracker = this.#tracker;
    if (tracker === undefined) return;
    try {
      const tagSource = await tracker.prepare(catalog);
      const schema = this.#schema;
      if (this.#closed || schema?.catalog.version !== catalog.version) return;
      if (schema.tagSource?.dependencies.version === tagSource.dependencies.version) {
        tracker.confirm();
        return;
      }
      const queryCache = createQueryCache(this.#settings, tagSource, tracker, (request) => this.#origins.get(request));
      const relations = { ...schema.relations, plans: createPlanCache<ReadPlan>(MAX_PLANS), queryCache };
      this.#schema = { ...schema, relations, calls: createPlanCache(MAX_PLANS), tagSource };
      tracker.adopt(tagSource);
    } catch (error) {
      if (!this.#closed) this.#log?.warn({ reason: messageOf(error) }, "what replies depend on could not be read");
    }
  }
}

/** Listening is not worth a late start: when it begins later, the catalog is read again. */
const LISTEN_PATIENCE_MS = 2000;
/** Reading a catalog of thousands of tables takes seconds at most. */
const CATALOG_TIMEOUT_MS = 60_000;
const CATALOG_OPTIONS = { timeoutMs: CATALOG_TIMEOUT_MS };
const CATALOG_RETRY_MS = 1000;

function isFinal(error: HotpathError): boolean {
  return error.code === "HP_SCHEMA_UNKNOWN" || error.code === "HP_DATABASE_REFUSED";
}

/** Without the stack: the line comes again each second while the database is away. */
function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function countRelations(catalog: Catalog): number {
  let count = 0;
  for (const relations of catalog.relations.values()) count += relations.size;
  return count;
}

function optionsReply(allow: string): SourceReply {
  return { status: 200, headers: { allow }, body: "", validate: false };
}
