import type { SourceReply } from "../api/source.ts";
import { findRoutine } from "./call/find-routine.ts";
import { findFunctions } from "./catalog/lookup.ts";
import type { Catalog } from "./catalog/types.ts";
import { DialectError } from "./dialect-error.ts";
import type { Route } from "./route.ts";

/**
 * The methods that a route takes, as `Allow` lists them.
 *
 * @throws DialectError PGRST202 for a function that is not there.
 */
export function allowedMethods(catalog: Catalog, route: Route): string {
  switch (route.kind) {
    case "root":
      return "OPTIONS,GET,HEAD";
    case "call":
      return callMethods(catalog, route);
    case "relation": {
      const { insertable, updatable, deletable, primaryKey } = route.relation;
      const methods = ["OPTIONS,GET,HEAD"];
      if (insertable && route.key === null) methods.push("POST");
      if (insertable && updatable && primaryKey.length > 0) methods.push("PUT");
      if (updatable) methods.push("PATCH");
      if (deletable) methods.push("DELETE");
      return methods.join(",");
    }
    default:
      return route satisfies never;
  }
}

/** Answers OPTIONS. Throws what `allowedMethods` throws. */
export function optionsReply(catalog: Catalog, route: Route): SourceReply {
  return { status: 200, headers: { allow: allowedMethods(catalog, route) }, body: "", validate: false };
}

/** @throws DialectError PGRST101 or PGRST117 for a method that means nothing there, whatever the relation would allow. */
export function refuseMethod(catalog: Catalog, route: Route, method: string): void {
  if (method === "GET" || method === "HEAD" || isMeant(route, method)) return;
  const headers = { allow: allowedMethods(catalog, route) };
  if (route.kind === "call") {
    throw new DialectError("PGRST101", 405, `Cannot use the ${method} method on RPC`, { headers });
  }
  throw new DialectError("PGRST117", 405, `Unsupported HTTP method: ${method}`, { headers });
}

function isMeant(route: Route, method: string): boolean {
  if (route.kind === "root") return false;
  if (route.kind === "call") return method === "POST";
  return method === "PATCH" || method === "PUT" || method === "DELETE" || (method === "POST" && route.key === null);
}

/** What may change something is not for GET. */
function callMethods(catalog: Catalog, { schema, name }: Extract<Route, { kind: "call" }>): string {
  const overloads = findFunctions(catalog, { schema, name });
  if (overloads.length === 0) findRoutine(catalog, { schema, name, argumentNames: [], mediaType: null });
  const isReadable = overloads.some(({ volatility }) => volatility !== "volatile");
  return isReadable ? "OPTIONS,GET,HEAD,POST" : "OPTIONS,POST";
}
