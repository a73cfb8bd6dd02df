import { HotpathError } from "../errors.ts";
import type { LimitPolicy } from "../limit/policy.ts";
import { checkDatabaseUrl } from "./database-url.ts";
import { type LimitOptions, resolvePolicies } from "./limit-policies.ts";
import { withLibpqDefaults } from "./libpq-defaults.ts";
import {
  type OptionOrigins,
  resolvePostgresSettings,
  resolveServerSettings,
  resolveUpstreamSettings,
} from "./options.ts";
import type { ServerOptions, UpstreamOptions } from "./option-types.ts";
import type { PostgresOptions } from "./postgres-option-types.ts";
import type { ServerSettings } from "./settings.ts";
import type { Source } from "./source.ts";
import type { Route } from "../routes/route.ts";
import type { SourceFactories } from "./source-factories.ts";

/**
 * Under this key, the value that `defineApi` returns carries its definition. Registered globally, so that a `hotpath`
 * command installed beside the project understands the config file's own copy of the package.
 */
export const DEFINITION: unique symbol = Symbol.for("hotpath.definition") as never;

/** An API as declared: nothing is resolved or opened yet, because flags and environment come before the config file. */
export interface ApiDefinition {
  readonly options: ServerOptions;
  readonly limits?: readonly LimitOptions[] | undefined;
  /** By mount point: `/`, `/api`. */
  readonly sources?: Readonly<Record<string, Source | SourceDeclaration>> | undefined;
  readonly routes?: readonly Route[] | undefined;
}

/** A source to be. */
export type SourceDeclaration = PostgresDeclaration | UpstreamDeclaration;

/** What `postgres(url, options)` answers: a source to be. */
export interface PostgresDeclaration {
  readonly kind: "postgres";
  readonly url: string;
  readonly options: PostgresOptions;
}

/** What `upstream(url, options)` answers: a source to be. */
export interface UpstreamDeclaration {
  readonly kind: "upstream";
  readonly url: string;
  readonly options: UpstreamOptions;
}

/** An API whose options are known: what `startServer` takes. */
export interface ResolvedApi {
  readonly server: ServerSettings;
  readonly sources: readonly MountedSource[];
  /** Absent: none. */
  readonly routes?: readonly Route[];
  /** Absent: what the settings say as texts, which is nothing for most. */
  readonly limits?: readonly LimitPolicy[];
}

/** A source and its mount point: `/`, or a path without a trailing slash. */
export interface MountedSource {
  readonly path: string;
  readonly source: Source;
}

/** The definition that a value made by `defineApi` carries, `undefined` for any other value. */
export function definitionOf(value: unknown): ApiDefinition | undefined {
  if (typeof value !== "object" || value === null || !(DEFINITION in value)) return undefined;
  return value[DEFINITION] as ApiDefinition;
}

/**
 * Resolves every option of a definition and creates its sources, without starting them.
 *
 * @param origins what comes before the definition's own options: flags, argument, environment
 * @param create makes the sources of declarations
 * @throws HotpathError HP_OPTION_UNKNOWN, HP_OPTION_INVALID
 */
export function resolveDefinition(
  definition: ApiDefinition,
  origins: Omit<OptionOrigins<ServerOptions>, "config">,
  create: SourceFactories,
): ResolvedApi {
  const server = resolveServerSettings({ ...origins, config: definition.options });
  const { flags, environment } = origins;
  const complete = (url: string): string => {
    checkDatabaseUrl(url);
    return withLibpqDefaults(url, environment ?? {});
  };
  const toSource = (declared: Source | SourceDeclaration): Source => {
    if (!isDeclaration(declared)) return declared;
    const before = { flags, environment };
    if (declared.kind === "upstream") {
      return create.upstream(resolveUpstreamSettings(declared.url, { ...before, config: declared.options }));
    }
    const settings = resolvePostgresSettings(complete(declared.url), { ...before, config: declared.options });
    return create.postgres(Object.freeze({ ...settings, replicas: Object.freeze(settings.replicas.map(complete)) }));
  };
  const routes = checkRoutes(definition.routes);
  const sources = Object.entries(checkSources(definition.sources, routes.length > 0)).map(([path, declared]) => ({
    path: toMountPoint(path),
    source: toSource(declared),
  }));
  const twice = sources.find(({ path }, index) => sources.findIndex((other) => other.path === path) !== index);
  if (twice) throw new HotpathError("HP_OPTION_INVALID", `Option sources names ${twice.path} twice.`);
  const limits = resolvePolicies(definition.limits, server.limit.policies);
  return Object.freeze({ server, sources: Object.freeze(sources), routes, limits });
}

/**
 * A mount point in its one form: a path of plain segments, without a trailing slash except for `/` itself.
 *
 * @throws HotpathError HP_OPTION_INVALID
 */
export function toMountPoint(path: string): string {
  const trimmed = path.replace(/(?<=[^/])\/$/, "");
  if (trimmed !== "/" && !/^(?:\/[A-Za-z0-9_~-][A-Za-z0-9_.~-]*)+$/.test(trimmed)) {
    const received = JSON.stringify(path);
    throw new HotpathError("HP_OPTION_INVALID", `A base path must be a path such as / or /api; received ${received}.`);
  }
  return trimmed;
}

/** A config file in JavaScript may hold anything here. */
function checkSources(sources: unknown, hasRoutes: boolean): NonNullable<ApiDefinition["sources"]> {
  const entries = typeof sources === "object" && sources !== null ? Object.entries(sources) : [];
  if (entries.length === 0 && hasRoutes) return {};
  if (entries.length === 0)
    throw new HotpathError("HP_OPTION_INVALID", "Option sources must name at least one source.");
  for (const [path, value] of entries as [string, unknown][]) {
    const isSource = typeof value === "object" && value !== null && ("kind" in value || "resolve" in value);
    if (isSource) continue;
    const message = `Option sources must hold sources such as postgres(url); ${JSON.stringify(path)} holds something else.`;
    throw new HotpathError("HP_OPTION_INVALID", message);
  }
  return sources as NonNullable<ApiDefinition["sources"]>;
}

function checkRoutes(routes: unknown): readonly Route[] {
  if (routes === undefined) return [];
  if (Array.isArray(routes) && routes.every(isRoute)) return Object.freeze([...routes]);
  throw new HotpathError("HP_OPTION_INVALID", "Option routes must be a list of routes such as get(path, options).");
}

function isRoute(value: unknown): value is Route {
  return typeof value === "object" && value !== null && "kind" in value && value.kind === "route";
}

function isDeclaration(declared: Source | SourceDeclaration): declared is SourceDeclaration {
  return "kind" in declared && (declared.kind === "postgres" || declared.kind === "upstream");
}
