import { findFunctions } from "../catalog/lookup.ts";
import type { Catalog, RelationName } from "../catalog/types.ts";
import { DialectError } from "../dialect-error.ts";
import { findRoutine } from "./find-routine.ts";

/** Whether a function can be called by the method. */
export function isCallMethod(method: string): boolean {
  return method === "GET" || method === "HEAD" || method === "POST";
}

/**
 * `Allow` of a function: what may change something is not for GET.
 *
 * @throws DialectError PGRST202 when there is no function of that name.
 */
export function callMethods(catalog: Catalog, { schema, name }: RelationName): string {
  const overloads = findFunctions(catalog, { schema, name });
  if (overloads.length === 0) findRoutine(catalog, { schema, name, argumentNames: [], mediaType: null });
  const isReadable = overloads.some(({ volatility }) => volatility !== "volatile");
  return isReadable ? "OPTIONS,GET,HEAD,POST" : "OPTIONS,POST";
}

/** The refusal of another method. */
export function notACall(method: string, allow: string): DialectError {
  return new DialectError("PGRST101", 405, `Cannot use the ${method} method on RPC`, { headers: { allow } });
}
