import type { Database } from "../api/database.ts";
import type { Log, Source, SourceCache } from "../api/source.ts";
import { HotpathError } from "../errors.ts";
import type { Route } from "./route.ts";
import { createRouteSource } from "./route-source.ts";
import { createRouteTable, type RouteTable } from "./table.ts";

/** What routes are given to run on. */
export interface RoutesContext {
  readonly sources: readonly { readonly path: string; readonly source: Source }[];
  readonly cache: SourceCache | undefined;
  readonly log: Log;
  readonly maxBodyBytes: number;
  /** Paths that the server itself answers POST of. */
  readonly reserved: readonly string[];
}

/**
 * Makes routes ready to answer.
 *
 * @throws HotpathError HP_ROUTE_CONFLICT, HP_ROUTE_INVALID, HP_OPTION_INVALID
 */
export function openRoutes(routes: readonly Route[], context: RoutesContext): RouteTable<Source> {
  const { sources, cache, log, maxBodyBytes, reserved } = context;
  for (const route of routes) {
    assertRoom(route, sources);
    if (route.method !== "POST" || !reserved.includes(route.path)) continue;
    throw new HotpathError("HP_ROUTE_CONFLICT", `POST ${route.path} is answered by the server itself.`, {
      todo: "Choose another path, or move the endpoint: batch.path.",
    });
  }
  return createRouteTable(routes, (route) =>
    createRouteSource(route, { database: databaseOf(route, sources), cache, log, maxBodyBytes, routes }),
  );
}

/** A route that matches whatever a source could answer leaves nothing to it. */
function assertRoom({ method, path, segments }: Route, sources: RoutesContext["sources"]): void {
  if (segments.at(-1)?.kind !== "rest") return;
  const before = segments.slice(0, -1);
  if (before.some(({ kind }) => kind !== "literal")) return;
  const base = path.slice(0, path.lastIndexOf("/")) || "/";
  if (!sources.some((source) => source.path === base)) return;
  throw new HotpathError("HP_ROUTE_CONFLICT", `${method} ${path} would hide the source mounted at ${base}.`);
}

function databaseOf(
  { path, options: { database: wanted } }: Route,
  sources: RoutesContext["sources"],
): Database | undefined {
  const having = sources.flatMap(({ path: at, source }) =>
    source.database ? [{ at, database: source.database }] : [],
  );
  if (wanted === undefined) return (having.length === 1 ? having[0] : having.find(({ at }) => at === "/"))?.database;
  const found = having.find(({ at }) => at === wanted);
  if (found !== undefined) return found.database;
  throw new HotpathError("HP_ROUTE_INVALID", `${path} wants the database at ${wanted}, but none is mounted there.`);
}
