import {
  type ApiDefinition,
  DEFINITION,
  type PostgresDeclaration,
  type ResolvedApi,
  resolveDefinition,
  type SourceDeclaration,
  type UpstreamDeclaration,
} from "../api/definition.ts";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { LimitOptions } from "../api/limit-policies.ts";
import type { ServerOptions, UpstreamOptions } from "../api/option-types.ts";
import type { PostgresOptions } from "../api/postgres-option-types.ts";
import type { Source } from "../api/source.ts";
import type { Route } from "../routes/route.ts";
import { createEmbedding } from "./embedding.ts";
import type { RunningServer } from "./start.ts";
import type { Connection } from "./web-request.ts";

/** What `defineApi` takes: the server's options and what answers below which path. */
export interface ApiOptions extends ServerOptions {
  /** By mount point: `/`, `/api`. The longest that matches a request's path answers it. */
  readonly sources?: Readonly<Record<string, Source | SourceDeclaration>> | undefined;
  /** Handlers, each for a method of a path; closer to a path than a source that is mounted above it. */
  readonly routes?: readonly Route[] | undefined;
  /** Rate limits; every request is counted under each that concerns it. */
  readonly limits?: readonly LimitOptions[] | undefined;
}

/** An API as declared: nothing is opened before `listen`. */
export interface Api {
  /**
   * Starts it. Options given here come before the environment, which comes before those of `defineApi`.
   *
   * @throws HotpathError HP_OPTION_UNKNOWN, HP_OPTION_INVALID, HP_PORT_IN_USE, HP_DATABASE_REFUSED, HP_SCHEMA_UNKNOWN.
   */
  listen(options?: ServerOptions): Promise<RunningServer>;
  /**
   * Starts what stands behind the listeners, for `handler` and `fetch`; they do so themselves with the first request. To be awaited where a
   * program should not start without it.
   *
   * @throws what `listen` throws of sources and options.
   */
  start(): Promise<void>;
  /** Answers a request of a server of your own: a listener for `node:http`, below Fastify, Express and others. */
  readonly handler: (request: IncomingMessage, response: ServerResponse) => void;
  /** Answers a request of the Fetch standard. */
  readonly fetch: (request: Request, connection?: Connection) => Promise<Response>;
  /** Whether anything is served there: whoever else has handlers asks before it passes a request on. Starts it, like a request. */
  answers(method: string, path: string): Promise<boolean>;
  /** What `start` began to count, in the text format of Prometheus. */
  metrics(): Promise<string>;
  /** Ends what `start` began; requests under way may finish. */
  close(): Promise<void>;
}

/** Declares an API. The `hotpath` command serves what a `hotpath.config.ts` exports as default. */
export function defineApi({ sources, routes, limits, ...options }: ApiOptions): Api {
  const definition: ApiDefinition = { options, sources, routes, limits };
  const resolve = async (argument: ServerOptions): Promise<ResolvedApi> => {
    const { loadSourceFactories } = await import("./source-factories.ts");
    const origins = { argument, environment: process.env };
    return resolveDefinition(definition, origins, await loadSourceFactories(definition));
  };
  const embedding = createEmbedding(async () => {
    const { openEmbedded } = await import("./embedded.ts");
    return openEmbedded(await resolve({}));
  });
  const api: Api & { [DEFINITION]: ApiDefinition } = {
    [DEFINITION]: definition,
    async listen(argument = {}) {
      const { startServer } = await import("./start.ts");
      return startServer(await resolve(argument));
    },
    ...embedding,
  };
  return api;
}

/**
 * Declares a PostgreSQL database as a source: every table and view of its schemas, in PostgREST's dialect.
 *
 * @param url `postgres://user:password@host:5432/database`
 */
export function postgres(url: string, options: PostgresOptions = {}): PostgresDeclaration {
  return { kind: "postgres", url, options };
}

/**
 * Declares an HTTP API as a source: requests below its mount point are passed on to it.
 *
 * @param url `http://127.0.0.1:4000`, with a path if requests go below one
 */
export function upstream(url: string, options: UpstreamOptions = {}): UpstreamDeclaration {
  return { kind: "upstream", url, options };
}
