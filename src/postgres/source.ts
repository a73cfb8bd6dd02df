import type { Database } from "../api/database.ts";
import type { Procedures } from "../api/procedures.ts";
import type {
  AskedStatement,
  Log,
  RequestHead,
  Source,
  SourceContext,
  SourceReply,
  StatementPlan,
} from "../api/source.ts";
import type { SourceRequest } from "../api/source-request.ts";
import type { PostgresSettings } from "../api/settings.ts";
import type { CredentialsRefused } from "../auth/refusal.ts";
import { HotpathError } from "../errors.ts";
import { call } from "./call/call.ts";
import type { CatalogQuery } from "./catalog/catalog-query.ts";
import type { Catalog } from "./catalog/types.ts";
import { createQueryCache } from "./changes/query-cache.ts";
import type { Tracker } from "./changes/tracker-types.ts";
import { errorReply, notLoaded } from "./error-reply.ts";
import { createIdempotency, type Idempotency } from "./idempotency/index.ts";
import { createRouter } from "./create-router.ts";
import { toFailureReply } from "./failure-reply.ts";
import { type Command, createStatement, type Listener, type Pool } from "./pool/index.ts";
import { optionsReply, refuseMethod } from "./methods.ts";
import { impersonate, toDialectRefusal } from "./impersonation.ts";
import { NO_PREFERENCES, type Preferences, readPreferences, recallPreferences } from "./preferences.ts";
import { createQueryLog, type QueryLog } from "./query-log.ts";
import { read } from "./read.ts";
import { assertDescribed, describeRoot, documentSettings } from "./root.ts";
import { listenForReloads } from "./reload-channel.ts";
import { resolveRoute, type Route } from "./route.ts";
import { createTransactionRunner, runOwn, type RunTransaction, type TransactionMode } from "./run-transaction.ts";
import { OwnWrites } from "./own-writes.ts";
import type { ReadOrigin, Router } from "./replicas/index.ts";
import { RequestNotes } from "./request-notes.ts";
import { SentStatements } from "./sent-statements.ts";
import { createSqlDatabase } from "./sql/sql-database.ts";
import { createStatementMetrics, type TimeStatement } from "./statement-metrics.ts";
import { CATALOG_TIMEOUT_MS, type Schema, SchemaLoader } from "./schema-loader.ts";
import { createTurns, type Turns } from "./turns.ts";
import { mayBeBulk, write } from "./write.ts";
import type { Setting, TransactionScope } from "./transaction.ts";

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
  readonly #notes = new RequestNotes();
  /** Statements that may be planned for whoever looks on. */
  readonly #sent: SentStatements;
  #database: Database | undefined;
  #router: Router | undefined;
  #timed: TimeStatement | undefined;
  #tracker: Tracker | undefined;
  #writes: OwnWrites | undefined;
  #log: Log | undefined;
  #loader: SchemaLoader | undefined;
  #listener: Listener | undefined;
  #isAuthenticating = false;
  /** Once somebody has asked for procedures. */
  #proceduresOf: ((catalog: Catalog, basePath: string) => Procedures) | undefined;
  #maxBodyBytes = Infinity;
  readonly #bulkTurns: Turns;
  readonly #idempotency: Idempotency;

  constructor(settings: PostgresSettings, events: PostgresEvents) {
    this.#settings = settings;
    this.#events = events;
    this.#sent = new SentStatements(settings);
    // The other connections stay free for everybody else.
    this.#bulkTurns = createTurns(Math.max(1, Math.floor(settings.pool.max / 2)), "bulk inserts");
    this.#idempotency = createIdempotency(settings, (commands) =>
      this.#requireRouter().write(async (pool) => runOwn(pool, commands)),
    );
    const run = createTransactionRunner(
      settings,
      () => this.#requireRouter(),
      (request, token) => this.#notes.committed(request, token),
      () => this.#loader?.current?.catalog,
      (request, origin) => this.#notes.read(request, origin),
      (commands, scope, milliseconds, error, request) => {
        this.#timed?.(commands, scope, milliseconds, error, request);
        if (request.span !== undefined && error === undefined) this.#sent.note(commands, scope, request);
      },
      () => this.#writes,
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
      catalog: () => this.#loader?.current?.catalog,
      tokenOf: (request) => this.#notes.tokenOf(request),
      written: async (request) => this.#writes?.settled(request, undefined),
      tagSource: () => this.#loader?.current?.tagSource,
      isSeen: (request, tags) => {
        const tracker = this.#tracker;
        if (tracker !== undefined) tracker.hasGuests = true;
        return tracker?.isCurrent !== true || tracker.isSeen(tags, this.#originOf(request));
      },
      isBehind: () => this.#tracker?.isBehind === true,
      primaryUrl: () => this.#requireRouter().primaryUrl,
      log: () => this.#log,
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
      this.#writes = new OwnWrites(this.#notes, this.#tracker, this.#router);
    }
    this.#loader = this.#createLoader(log, this.#router);
    const { reloadChannel } = this.#settings;
    if (reloadChannel !== null) {
      const channel = listenForReloads(this.#router, reloadChannel, (payload) => this.#notified(payload));
      this.#listener = channel.listener;
      await channel.listening;
    }
    await this.#loader.start();
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
      const schema = this.#loader?.current;
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
      const token = this.#notes.tokenOf(request);
      if (token !== undefined) reply.headers["consistency-token"] = token;
    }
    this.#queryLog?.answered(request, reply.status);
    return reply;
  }

  #fail(request: SourceRequest, route: Route | undefined, error: unknown): SourceReply {
    return this.#finish(request, route, toFailureReply(error, request, this.#settings, this.#log));
  }

  /** Reads the catalog again; requests go on with the old one until then. */
  async reload(): Promise<void> {
    await this.#loader?.load();
  }

  procedures(basePath: string): Promise<Procedures | undefined> | Procedures | undefined {
    const catalog = this.#loader?.current?.catalog;
    if (catalog === undefined) return undefined;
    if (this.#proceduresOf !== undefined) return this.#proceduresOf(catalog, basePath);
    return import("./protobuf/index.ts").then(({ proceduresOf }) => {
      this.#proceduresOf = proceduresOf;
      return proceduresOf(catalog, basePath);
    });
  }

  isReady(): boolean {
    return this.#loader?.current !== undefined && (this.#router?.isReachable() ?? false);
  }

  isSaturated(): boolean {
    return this.#router?.isSaturated() ?? false;
  }

  describe(): Readonly<Record<string, string>> {
    if (this.#tracker === undefined) return {};
    return { changes: this.#tracker.reason ?? "followed" };
  }

  /** Which indexes the database lacks for what it was asked, by estimate or HypoPG: nothing is built here. */
  async advise(asked: readonly AskedStatement[]): Promise<object> {
    const { adviseIndexes } = await import("./advise/advise.ts");
    const statements = asked.map((each) => ({ ...each, requests: [] }));
    return adviseIndexes(this.#settings, {
      workload: async () => ({ origin: "this server", statements, skipped: [] }),
    });
  }

  async explain(statement: string): Promise<StatementPlan | undefined> {
    const sent = this.#sent.find(statement);
    if (sent === undefined) return undefined;
    const { explain } = await import("./explain.ts");
    return this.#requireRouter().write((pool) => explain(pool, statement, sent));
  }

  /** What is served, for a start-up message. */
  get catalog(): Catalog | undefined {
    return this.#loader?.current?.catalog;
  }

  async close(): Promise<void> {
    this.#loader?.close();
    await this.#listener?.close();
    await this.#tracker?.close();
    await this.#router?.close();
  }

  refuse(_request: SourceRequest, refusal: CredentialsRefused): SourceReply {
    return errorReply(toDialectRefusal(refusal), this.#settings.errorVerbosity);
  }

  #dispatch(schema: Schema, request: SourceRequest, route: Route): Promise<SourceReply> | SourceReply {
    const { method } = request;
    if (route.kind === "root") assertDescribed(this.#settings);
    if (method === "OPTIONS") return optionsReply(schema.catalog, route);
    refuseMethod(schema.catalog, route, method);
    if (route.kind === "call") return this.#call(schema, request, route);
    if (route.kind === "root") return this.#describe(schema, request, route);
    return this.#readOrWrite(schema, request, route);
  }

  #describe(
    { catalog, documents }: Schema,
    request: SourceRequest,
    route: Extract<Route, { kind: "root" }>,
  ): Promise<SourceReply> {
    const scope = { schema: route.schema, timezone: null };
    const run = (commands: readonly Command[]) => this.#runTransaction(request, scope, commands);
    return describeRoot({ settings: this.#settings, catalog, documents, run }, request, route);
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
        : this.#purged(request, write(relations, request, route, preferences), route.relation.oid),
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
      return request.method === "POST" ? this.#purged(request, called, undefined) : called;
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
  #purged(request: SourceRequest, written: Promise<SourceReply>, relation: number | undefined): Promise<SourceReply> {
    const writes = this.#writes;
    if (writes === undefined) return written;
    return written.then((reply) => {
      reply.due = writes.settled(request, relation, reply.headers);
      return reply;
    });
  }

  #originOf(request: SourceRequest): ReadOrigin {
    return this.#router?.hasReplicas === false ? "primary" : this.#notes.originOf(request);
  }

  #requireRouter(): Router {
    if (this.#router === undefined) throw new HotpathError("HP_UNAVAILABLE", "The source was not started.");
    return this.#router;
  }

  #createLoader(log: Log, router: Router): SchemaLoader {
    const settings = this.#settings;
    return new SchemaLoader({
      settings,
      documents: documentSettings(settings, this.#isAuthenticating),
      router,
      tracker: this.#tracker,
      log,
      relations: {
        run: this.#runTransaction,
        maxBodyBytes: this.#maxBodyBytes,
        bulkTurns: this.#bulkTurns,
        idempotency: this.#idempotency,
      },
      cache: (tags, tracker) => createQueryCache(settings, tags, tracker, (request) => this.#originOf(request)),
    });
  }
}

const CATALOG_OPTIONS = { timeoutMs: CATALOG_TIMEOUT_MS };
