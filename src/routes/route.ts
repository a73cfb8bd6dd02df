import type { Duration } from "../api/option-types.ts";
import type { Identity } from "../auth/identity.ts";
import type { ErrorsOf, RouteContext } from "./context.ts";
import type { DeclaredError } from "./failure.ts";
import { type PathParameters, parsePath, type Segment } from "./path.ts";
import type { ContentReply, ValueReply } from "./reply.ts";
import type { Sql, SqlQuery, SqlStream, StreamingSql, WritingSql } from "./sql.ts";
import type { InputOf, OutputOf, StandardSchema } from "./standard-schema.ts";

export type RouteMethod = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

type MaybeSchema = StandardSchema | undefined;
type DeclaredErrors = Readonly<Record<string, DeclaredError>>;

/** What a route is made of. */
export interface RouteOptions<
  Path extends string,
  Params extends MaybeSchema,
  Query extends MaybeSchema,
  Body extends MaybeSchema,
  Reply extends MaybeSchema,
  Errors extends DeclaredErrors,
  Answer,
  Tag extends Sql,
> {
  /** Reads the path's parameters, which come as texts. */
  readonly params?: Params;
  /** Reads the query: texts by name, lists of texts for names that stand there more than once. */
  readonly query?: Query;
  /** Reads the content: JSON, or a form's fields. */
  readonly body?: Body;
  /** What is answered. A reply that is not so is a 500, and what the schema leaves out of it never leaves the server. */
  readonly reply?: Reply;
  /** Errors that `fail` answers, by their code. */
  readonly errors?: Errors;
  /** Status of a reply that says nothing else. Default 200, 204 where there is nothing to answer. */
  readonly status?: number | undefined;
  /** Replies may be given again. Absent: none is stored. */
  readonly cache?: RouteCache<ParamsOf<Path, Params>, QueryOf<Query>> | undefined;
  /**
   * `verify` (default): credentials that are sent must be valid, and replies are kept apart by identity; `require`: they must be sent, too;
   * `none`: who asks does not matter, and the handler never sees it.
   */
  readonly auth?: RouteAuth | undefined;
  /** Lets clients choose fields of the reply: `?fields=id,user(name)`. Default: no. */
  readonly fields?: boolean | undefined;
  /** How much content it takes, in bytes. Default `http.maxBodyBytes`, which it cannot exceed. */
  readonly maxBodyBytes?: number | undefined;
  /** Where the database is mounted that `sql` means. Default: the only one, or the one at `/`. */
  readonly database?: string | undefined;
  /** For the description of the API: what it does, in a few words and in more. */
  readonly summary?: string | undefined;
  readonly description?: string | undefined;
  /** For the description of the API: groups of routes it belongs to. */
  readonly groups?: readonly string[] | undefined;
  /** For the description of the API. */
  readonly examples?: RouteExamples | undefined;
  readonly handle: (
    context: RouteContext<ParamsOf<Path, Params>, QueryOf<Query>, BodyOf<Body>, ErrorsOf<Errors>, Tag>,
  ) => Answer & Allowed<Reply, Answer>;
}

export type RouteAuth = "verify" | "require" | "none";

/** How replies to a route are kept. */
export interface RouteCache<Params = unknown, Query = unknown> {
  /** How long they may be given again without asking the handler. */
  readonly maxAge: Duration;
  /** How long after that they may be given while the handler makes a new one. */
  readonly staleWhileRevalidate?: Duration | undefined;
  /** How long after that they may be given while the handler fails. */
  readonly staleIfError?: Duration | undefined;
  /** Names by which they can be purged. */
  readonly tags?:
    | readonly string[]
    | ((asked: {
        readonly params: Params;
        readonly query: Query;
        readonly identity: Identity | undefined;
      }) => readonly string[])
    | undefined;
  /** Fields of requests that choose among replies, such as `Accept-Language`. */
  readonly vary?: readonly string[] | undefined;
  /** `Cache-Control` for clients and CDNs. Default `no-cache`: they may keep a reply, and ask whether it still holds. */
  readonly clients?: string | undefined;
}

/** For the description of the API. */
export interface RouteExamples {
  readonly params?: Readonly<Record<string, unknown>> | undefined;
  readonly query?: Readonly<Record<string, unknown>> | undefined;
  readonly body?: unknown;
  readonly reply?: unknown;
}

type ParamsOf<Path extends string, Params> = Params extends StandardSchema ? OutputOf<Params> : PathParameters<Path>;
type QueryOf<Query> = Query extends StandardSchema
  ? OutputOf<Query>
  : Readonly<Record<string, string | readonly string[]>>;
type BodyOf<Body> = Body extends StandardSchema ? OutputOf<Body> : undefined;

/** What a handler may answer where the reply has a schema: else anything. */
type Allowed<Reply, Answer> = Reply extends StandardSchema
  ? Awaited<Answer> extends InputOf<Reply> | ValueReply<InputOf<Reply>> | ContentReply | SqlQuery
    ? unknown
    : InputOf<Reply> | Promise<InputOf<Reply>>
  : unknown;

/** What a client of a route has to know. */
export interface RouteTypes {
  readonly params: unknown;
  readonly query: unknown;
  readonly body: unknown;
  readonly reply: unknown;
}

/** A route as declared. */
export interface Route<
  Method extends RouteMethod = RouteMethod,
  Path extends string = string,
  Types extends RouteTypes = RouteTypes,
> {
  readonly kind: "route";
  readonly method: Method;
  readonly path: Path;
  readonly segments: readonly Segment[];
  readonly options: RouteDefinition;
  /** Never there when it runs. */
  readonly types?: Types | undefined;
}

/** A route's options, whatever their types. */
export type RouteDefinition = Omit<
  RouteOptions<string, MaybeSchema, MaybeSchema, MaybeSchema, MaybeSchema, DeclaredErrors, unknown, WritingSql>,
  "handle" | "cache"
> & {
  readonly cache?: RouteCache<never, never> | undefined;
  readonly handle: (context: never) => unknown;
};

interface TypesOf<Path extends string, Params, Query, Body, Reply, Answer> extends RouteTypes {
  readonly params: Params extends StandardSchema ? InputOf<Params> : PathParameters<Path>;
  readonly query: Query extends StandardSchema ? InputOf<Query> : Readonly<Record<string, string | readonly string[]>>;
  readonly body: Body extends StandardSchema ? InputOf<Body> : undefined;
  readonly reply: Reply extends StandardSchema ? OutputOf<Reply> : Unwrapped<Awaited<Answer>>;
}

type Unwrapped<Answer> =
  Answer extends ValueReply<infer Value>
    ? Value
    : Answer extends ContentReply | SqlStream
      ? unknown
      : Answer extends SqlQuery<infer Found>
        ? Found[]
        : Answer;

/** Declares what answers a method of a path. */
type Declare<Method extends RouteMethod, Tag extends Sql> = <
  const Path extends string,
  Answer,
  Params extends MaybeSchema = undefined,
  Query extends MaybeSchema = undefined,
  Body extends MaybeSchema = undefined,
  Reply extends MaybeSchema = undefined,
  // oxlint-disable-next-line typescript/no-generated-empty-object-type -- a route that declares no errors has none
  const Errors extends DeclaredErrors = Record<never, DeclaredError>,
>(
  path: Path,
  options: RouteOptions<Path, Params, Query, Body, Reply, Errors, Answer, Tag>,
) => Route<Method, Path, TypesOf<Path, Params, Query, Body, Reply, Answer>>;

function declare<Method extends RouteMethod, Tag extends Sql>(method: Method): Declare<Method, Tag> {
  return (path, options) => {
    // What of the types was checked here is not looked at again.
    const definition = options as unknown as RouteDefinition;
    return Object.freeze({ kind: "route", method, path, segments: parsePath(path), options: definition });
  };
}

/** Declares a route that reads: its `sql` runs in transactions that only read. It answers HEAD, too. */
export const get: Declare<"GET", StreamingSql> = declare("GET");
/** Declares a route for POST. */
export const post: Declare<"POST", WritingSql> = declare("POST");
/** Declares a route for PUT. */
export const put: Declare<"PUT", WritingSql> = declare("PUT");
/** Declares a route for PATCH. */
export const patch: Declare<"PATCH", WritingSql> = declare("PATCH");
/** Declares a route for DELETE. */
export const del: Declare<"DELETE", WritingSql> = declare("DELETE");
