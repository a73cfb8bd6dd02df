import type { IncomingHttpHeaders } from "node:http";
import type { Duration } from "../api/option-types.ts";
import type { Asker, Database } from "../api/database.ts";
import { parseDuration } from "../api/option-value.ts";
import type { Log, SourceCache } from "../api/source.ts";
import type { SourceRequest, TraceSpan } from "../api/source-request.ts";
import type { Identity } from "../auth/identity.ts";
import { HotpathError } from "../errors.ts";
import { type DeclaredError, RouteFailure } from "./failure.ts";
import { gather, type GatherOptions, type Task, type Values } from "./gather.ts";
import { type Page, type PageOptions, readPage } from "./page.ts";
import { MOST_TAGS, Notes } from "./notes.ts";
import { createRunSpan, type RunSpan } from "./span.ts";
import { createSql, type Sql, type SqlQuery, type WritingSql } from "./sql.ts";
import type { InputOf, StandardSchema } from "./standard-schema.ts";

/** The details of declared errors, by code. */
export type ErrorsOf<Errors extends Readonly<Record<string, DeclaredError>>> = {
  readonly [Code in keyof Errors]: Errors[Code]["details"] extends StandardSchema
    ? InputOf<Errors[Code]["details"]>
    : undefined;
};

/** What a handler gets to work with. */
export interface RouteContext<Params, Query, Body, Errors, Tag extends Sql> {
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
  /** Runs statements as whoever asks. */
  readonly sql: Tag;
  /** Runs tasks together, bounded, and ends them when the client leaves or its time is over. */
  readonly gather: <const Tasks extends Readonly<Record<string, Task<unknown>>> | readonly Task<unknown>[]>(
    tasks: Tasks,
    options?: Omit<GatherOptions, "signal">,
  ) => Promise<Values<Tasks>>;
  /**
   * A value that is worked out once for all requests of an identity, on all nodes that share a cache, and kept for a while or until a tag of
   * it is purged. Those who ask meanwhile wait for it. JSON must be able to say it. `remember.forAll` keeps one for everybody.
   */
  readonly remember: Remember & { readonly forAll: Remember };
  /** Removes replies, and remembered values, by their tags: in force when it resolves. */
  readonly purge: (tags: readonly string[]) => Promise<void>;
  /** A page of a statement's rows, by the query's `limit` and `after`. */
  readonly page: <Found extends object>(query: SqlQuery<Found>, options: PageOptions) => Promise<Page<Found>>;
  /** Answers one of the errors that the route declares. */
  readonly fail: <Code extends keyof Errors & string>(
    code: Code,
    ...details: undefined extends Errors[Code] ? [details?: Errors[Code]] : [details: Errors[Code]]
  ) => never;
  /** Aborts when the client leaves or its time is over. */
  readonly signal: AbortSignal;
  /** Runs a part of the work under a name of its own in the request's trace; statements of the part's `sql` stand below it. */
  readonly span: RunSpan<Tag>;
  /** When its time is over, in milliseconds since the epoch; undefined where nobody set a time. */
  readonly deadline: number | undefined;
  /** Who asks, where the server can tell. */
  readonly identity: Identity | undefined;
  /** Names the route in each line. */
  readonly log: Log;
  /** Of the request, by names in lower case. */
  readonly headers: Readonly<IncomingHttpHeaders>;
  /** The request itself. */
  readonly request: SourceRequest;
}

export type Remember = <Value>(
  key: string,
  ttl: Duration,
  tags: readonly string[],
  compute: () => Value | Promise<Value>,
) => Promise<Value>;

/** What all requests of a route have in common. */
export interface ContextParts {
  readonly pattern: string;
  readonly isWriting: boolean;
  readonly errors: Readonly<Record<string, DeclaredError>>;
  readonly database: Database | undefined;
  readonly cache: SourceCache | undefined;
  readonly log: Log;
}

/** What was read of a request. */
export interface Input {
  readonly params: unknown;
  readonly query: unknown;
  readonly body: unknown;
}

type AnyContext = RouteContext<unknown, unknown, unknown, Readonly<Record<string, undefined>>, Sql>;

/** What a handler does not ask for is not made. */
export class RequestContext implements AnyContext {
  readonly params: unknown;
  readonly query: unknown;
  readonly body: unknown;
  readonly request: SourceRequest;
  readonly #parts: ContextParts;
  readonly #span: TraceSpan | undefined;
  #notes: Notes | undefined;

  /** @param span of the handler, which what it asks is part of; absent: nobody follows the request */
  constructor(
    parts: ContextParts,
    request: SourceRequest,
    { params, query, body }: Input,
    notes?: Notes,
    span?: TraceSpan,
  ) {
    this.#parts = parts;
    this.#notes = notes;
    this.#span = span;
    this.request = request;
    this.params = params;
    this.query = query;
    this.body = body;
  }

  get sql(): Sql {
    return this.#sqlIn(this.#span);
  }

  get span(): AnyContext["span"] {
    return createRunSpan(this.#span, (span) => this.#sqlIn(span));
  }

  get gather(): AnyContext["gather"] {
    const { request } = this;
    const { deadline } = this;
    return async (tasks, options = {}) => {
      const leftMs = deadline === undefined ? undefined : Math.max(1, deadline - Date.now());
      return gather(tasks, { deadlineMs: leftMs, ...options, signal: request.signal });
    };
  }

  get remember(): AnyContext["remember"] {
    return Object.assign(this.#remember(this.identity?.key ?? ""), { forAll: this.#remember("") });
  }

  get purge(): AnyContext["purge"] {
    const { cache } = this.#parts;
    return async (tags) => cache?.purge(tags);
  }

  get page(): AnyContext["page"] {
    return async (query, options) => readPage(query, options, new URLSearchParams(this.request.query));
  }

  get fail(): AnyContext["fail"] {
    const { errors, pattern } = this.#parts;
    return (code, details?: unknown) => {
      const declared = Object.hasOwn(errors, code) ? errors[code] : undefined;
      if (declared === undefined) throw new TypeError(`${pattern} declares no error ${code}.`);
      throw new RouteFailure(code, declared, details);
    };
  }

  get signal(): AbortSignal {
    return this.request.signal;
  }

  get deadline(): number | undefined {
    const left = this.request.headers["request-timeout"];
    return typeof left === "string" && /^[\d.]+$/.test(left) ? Date.now() + Number(left) * 1000 : undefined;
  }

  get identity(): Identity | undefined {
    return this.request.identity;
  }

  get headers(): Readonly<IncomingHttpHeaders> {
    return this.request.headers;
  }

  get log(): Log {
    const { log, pattern } = this.#parts;
    return {
      debug: (details, message) => log.debug({ route: pattern, ...details }, message),
      info: (details, message) => log.info({ route: pattern, ...details }, message),
      warn: (details, message) => log.warn({ route: pattern, ...details }, message),
      error: (details, message) => log.error({ route: pattern, ...details }, message),
    };
  }

  /** @param span what its statements are parts of; undefined: the request */
  #sqlIn(span: TraceSpan | undefined): WritingSql {
    const { database, isWriting, pattern } = this.#parts;
    if (database !== undefined)
      return createSql(database, this.request, isWriting, new ContextAsker(span, () => this.#notes));
    throw new TypeError(`${pattern} uses sql, but no PostgreSQL source was found; see its option database.`);
  }

  #remember(identity: string): Remember {
    const { cache } = this.#parts;
    return async <Value>(
      key: string,
      ttl: Duration,
      tags: readonly string[],
      compute: () => Value | Promise<Value>,
    ): Promise<Value> => {
      const ttlMs = toMs("remember", ttl);
      if (cache === undefined) return compute();
      // Whoever has asked for `sql` already asks here for each statement whether it is to be noted.
      const notes = (this.#notes ??= new Notes());
      const kept = await cache.remember(key, identity, async () => {
        const own = new Notes();
        const value = await notes.apart(own, compute);
        const read = own.tags(MOST_TAGS - tags.length);
        const isKept = own.problem === undefined && read !== undefined;
        return { value, tags: [...tags, ...(read ?? [])], ttlMs: isKept ? ttlMs : 0 };
      });
      notes.read(kept.tags, kept.tags);
      return kept.value as Value;
    };
  }
}

class ContextAsker implements Asker {
  readonly span: TraceSpan | undefined;
  readonly #notes: () => Notes | undefined;

  constructor(span: TraceSpan | undefined, notes: () => Notes | undefined) {
    this.span = span;
    this.#notes = notes;
  }

  get notes(): Notes | undefined {
    return this.#notes();
  }
}

/** @throws HotpathError HP_OPTION_INVALID */
export function toMs(name: string, duration: Duration): number {
  const ms = typeof duration === "number" ? duration : parseDuration(duration);
  if (ms !== undefined && Number.isSafeInteger(ms) && ms >= 0) return ms;
  throw new HotpathError(
    "HP_OPTION_INVALID",
    `${name} must be a duration such as 30s; received ${JSON.stringify(duration)}.`,
  );
}
