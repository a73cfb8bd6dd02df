import { HotpathError } from "../errors.ts";

/** A resource to look at. */
export interface Target {
  /** Path and query. */
  readonly path: string;
  /** Query parameters that it takes, by its description. */
  readonly parameters: readonly string[];
}

/** More resources of one API hardly tell more, and each takes some thirty requests. */
export const MAX_TARGETS = 8;

/**
 * The GETs of an OpenAPI document (2.0 or 3) that can be asked without knowing more: those without parameters in the path, or with an example or
 * a default for each that is required.
 *
 * @throws HotpathError HP_ARGUMENT_INVALID for something else
 */
export function targetsOf(document: unknown, basePath: string): readonly Target[] {
  const paths = memberOf(document, "paths");
  if (!isObject(paths))
    throw new HotpathError("HP_ARGUMENT_INVALID", "--openapi: this is no OpenAPI document: it has no paths.");
  const base = serverPath(document) ?? basePath;
  const targets: Target[] = [];
  for (const [path, item] of Object.entries(paths)) {
    const operation = memberOf(item, "get");
    if (!isObject(operation)) continue;
    const parameters = [...listOf(memberOf(item, "parameters")), ...listOf(memberOf(operation, "parameters"))].map(
      (each) => resolve(each, document),
    );
    const target = fill(path, parameters);
    if (target === undefined) continue;
    const query = parameters
      .filter((each) => memberOf(each, "in") === "query")
      .map((each) => String(memberOf(each, "name")));
    targets.push({ path: `${base.replace(/\/$/, "")}${target}`, parameters: query });
  }
  // What has no parameters first: lists and the like.
  return targets.sort((one, other) => one.path.length - other.path.length);
}

function fill(path: string, parameters: readonly unknown[]): string | undefined {
  let filled = path;
  const query = new URLSearchParams();
  for (const parameter of parameters) {
    const place = memberOf(parameter, "in");
    const name = String(memberOf(parameter, "name"));
    if (place !== "path" && memberOf(parameter, "required") !== true) continue;
    const schema = memberOf(parameter, "schema");
    const value =
      memberOf(parameter, "example") ??
      memberOf(schema, "example") ??
      memberOf(schema, "default") ??
      memberOf(parameter, "default");
    if (typeof value !== "string" && typeof value !== "number") return undefined;
    if (place === "path") filled = filled.replace(`{${name}}`, encodeURIComponent(value));
    else if (place === "query") query.set(name, String(value));
    else return undefined;
  }
  if (filled.includes("{")) return undefined;
  return query.size === 0 ? filled : `${filled}?${query.toString()}`;
}

function serverPath(document: unknown): string | undefined {
  const basePath = memberOf(document, "basePath");
  if (typeof basePath === "string") return basePath;
  const url = memberOf(listOf(memberOf(document, "servers"))[0], "url");
  return typeof url === "string" && URL.canParse(url, "http://api.example")
    ? new URL(url, "http://api.example").pathname
    : undefined;
}

function resolve(value: unknown, document: unknown): unknown {
  const reference = memberOf(value, "$ref");
  if (typeof reference !== "string" || !reference.startsWith("#/")) return value;
  return reference
    .slice(2)
    .split("/")
    .reduce<unknown>((at, name) => memberOf(at, name.replaceAll("~1", "/").replaceAll("~0", "~")), document);
}

function memberOf(value: unknown, name: string): unknown {
  return isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
