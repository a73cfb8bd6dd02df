import { findFunctions } from "../catalog/lookup.ts";
import type { Catalog, Routine } from "../catalog/types.ts";
import { DialectError } from "../dialect-error.ts";
import { LEAST_LISTED_SCORE, LEAST_NAME_SCORE, similarName } from "../similar-name.ts";

/** What a request calls, and with what. */
export interface AskedCall {
  readonly schema: string;
  readonly name: string;
  /** Names of the arguments, each once, in the order of their letters. */
  readonly argumentNames: readonly string[];
  /** Type of the content of a POST; null: the arguments are in the URL. */
  readonly mediaType: string | null;
}

/**
 * The one function that a request calls: of those with the name, the one whose parameters are those named, but for parameters with
 * defaults; failing that, for a POST, the one whose single unnamed parameter takes content of its type (PostgREST 14,
 * "Functions as RPC").
 *
 * @throws DialectError PGRST202 when there is none, PGRST203 when there are several.
 */
export function findRoutine(catalog: Catalog, asked: AskedCall): Routine {
  const overloads = findFunctions(catalog, asked);
  const named = overloads.filter((routine) => takesArguments(routine, asked));
  const candidates = named.length > 0 ? named : overloads.filter((routine) => takesContent(routine, asked.mediaType));
  const [found] = candidates;
  if (found === undefined) throw noRoutine(catalog, asked, overloads);
  if (candidates.length > 1) throw ambiguous(candidates);
  return found;
}

/** Whether the function's single parameter has no name and takes content of that type. */
export function takesContent({ parameters }: Routine, mediaType: string | null): boolean {
  const [parameter, ...more] = parameters;
  if (parameter === undefined || more.length > 0 || parameter.name !== "" || mediaType === null) return false;
  return CONTENT_TYPES[mediaType]?.includes(parameter.type) ?? false;
}

/** Types that take content as it is. */
const CONTENT_TYPES: Readonly<Record<string, readonly string[]>> = {
  "application/json": ["json", "jsonb"],
  "text/plain": ["text"],
  "text/xml": ["xml"],
  "application/octet-stream": ["bytea"],
};

/** Content that is one value and has no names in it. */
export const SINGLE_VALUES: ReadonlySet<string | null> = new Set([
  "text/plain",
  "text/xml",
  "application/octet-stream",
]);

function takesArguments({ parameters }: Routine, { argumentNames, mediaType }: AskedCall): boolean {
  if (parameters.length === 0) return argumentNames.length === 0 && !SINGLE_VALUES.has(mediaType);
  const given = new Set(argumentNames);
  const required = parameters.filter((parameter) => parameter.required);
  const known = new Set(parameters.map(({ name }) => name));
  return required.every(({ name }) => given.has(name)) && argumentNames.every((name) => known.has(name));
}

function noRoutine(catalog: Catalog, asked: AskedCall, overloads: readonly Routine[]): DialectError {
  const { schema, name, argumentNames, mediaType } = asked;
  const isSingleValue = SINGLE_VALUES.has(mediaType);
  const listed = argumentNames.join(", ");
  const none = " without parameters";
  const called = isSingleValue ? "" : argumentNames.length === 0 ? none : `(${listed})`;
  const plural = argumentNames.length > 1 ? "s" : "";
  const searched = argumentNames.length === 0 ? none : ` with parameter${plural} ${listed}`;
  const unnamed = isSingleValue ? ` with a single unnamed ${CONTENT_TYPES[mediaType ?? ""]?.[0]} parameter` : searched;
  const alternative = mediaType === "application/json" ? " or with a single unnamed json/jsonb parameter" : "";
  return new DialectError(
    "PGRST202",
    404,
    `Could not find the function ${schema}.${name}${called} in the schema cache`,
    {
      details: `Searched for the function ${schema}.${name}${unnamed}${alternative}, but no matches were found in the schema cache.`,
      hint: isSingleValue ? null : hintFor(catalog, asked, overloads),
    },
  );
}

function hintFor(catalog: Catalog, { schema, name, argumentNames }: AskedCall, overloads: readonly Routine[]) {
  const suggestion =
    overloads.length === 0
      ? similarName(name, functionNames(catalog, schema), LEAST_NAME_SCORE)
      : similarName(listNames(argumentNames), overloads.map(parameterList), LEAST_LISTED_SCORE);
  if (suggestion === undefined) return null;
  const called = overloads.length === 0 ? suggestion : name + suggestion;
  return `Perhaps you meant to call the function ${schema}.${called}`;
}

function functionNames(catalog: Catalog, schema: string): readonly string[] {
  const names = [...(catalog.routines.get(schema)?.keys() ?? [])];
  return names.filter((name) => findFunctions(catalog, { schema, name }).length > 0);
}

function parameterList({ parameters }: Routine): string {
  return listNames(parameters.map(({ name }) => name).toSorted());
}

function listNames(names: readonly string[]): string {
  return `(${names.join(", ")})`;
}

function ambiguous(candidates: readonly Routine[]): DialectError {
  const signatures = candidates.map(({ schema, name, parameters }) => {
    return `${schema}.${name}(${parameters.map((parameter) => `${parameter.name} => ${parameter.type}`).join(", ")})`;
  });
  const message = `Could not choose the best candidate function between: ${signatures.join(", ")}`;
  return new DialectError("PGRST203", 300, message, {
    hint: "Try renaming the parameters or the function itself in the database so function overloading can be resolved",
  });
}
