import { type ApiDefinition, DEFINITION, type PostgresDeclaration, resolveDefinition } from "../api/definition.ts";
import type { PostgresOptions, ServerOptions } from "../api/option-types.ts";
import type { Source } from "../api/source.ts";
import type { RunningServer } from "./start.ts";

/** What `defineApi` takes: the server's options and what answers below which path. */
export interface ApiOptions extends ServerOptions {
  /** By mount point: `/`, `/api`. The longest that matches a request's path answers it. */
  readonly sources: Readonly<Record<string, Source | PostgresDeclaration>>;
}

/** An API as declared: nothing is opened before `listen`. */
export interface Api {
  /**
   * Starts it. Options given here come before the environment, which comes before those of `defineApi`.
   *
   * @throws HotpathError HP_OPTION_UNKNOWN, HP_OPTION_INVALID, HP_PORT_IN_USE, HP_DATABASE_REFUSED, HP_SCHEMA_UNKNOWN.
   */
  listen(options?: ServerOptions): Promise<RunningServer>;
}

/** Declares an API. The `hotpath` command serves what a `hotpath.config.ts` exports as default. */
export function defineApi({ sources, ...options }: ApiOptions): Api {
  const definition: ApiDefinition = { options, sources };
  const api: Api & { [DEFINITION]: ApiDefinition } = {
    [DEFINITION]: definition,
    async listen(argument = {}) {
      const { createPostgresSource } = await import("../postgres/source.ts");
      const { startServer } = await import("./start.ts");
      const origins = { argument, environment: process.env };
      return startServer(resolveDefinition(definition, origins, createPostgresSource));
    },
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
