import { ApiError } from "./api-error.ts";
import { type Answer, createReads, toAnswer } from "./batching.ts";
import { createClient } from "./client.ts";
import type { ApiOptions } from "./tables.ts";

/** As much of a route's type as is looked at here: what `get(path, options)` answers has it. */
export interface DescribedRoute {
  readonly method: string;
  readonly path: string;
  readonly types?:
    | { readonly params: unknown; readonly query: unknown; readonly body: unknown; readonly reply: unknown }
    | undefined;
}

type Of<Route extends DescribedRoute, Method extends string> = Extract<Route, { readonly method: Method }>;
type Types<Route extends DescribedRoute> = NonNullable<Route["types"]>;
/** A part of a request: left out where a route takes none, optional where it may be empty. */
type Part<Name extends string, Value> = [Value] extends [undefined]
  ? unknown
  : IsOptional<Value> extends true
    ? { readonly [Key in Name]?: Value }
    : { readonly [Key in Name]: Value };
/** Nothing of it has to be there; of an index signature that is so, too. */
type IsOptional<Value> = string extends keyof Value ? true : object extends Value ? true : false;
type CallOptions<Route extends DescribedRoute> = Part<"params", Types<Route>["params"]> &
  Part<"query", Types<Route>["query"]> &
  Part<"body", Types<Route>["body"]> & { readonly signal?: AbortSignal | undefined };

type Call<Route extends DescribedRoute, Method extends string> = <Path extends Of<Route, Method>["path"]>(
  path: Path,
  ...options: object extends CallOptions<Extract<Of<Route, Method>, { readonly path: Path }>>
    ? [options?: CallOptions<Extract<Of<Route, Method>, { readonly path: Path }>>]
    : [options: CallOptions<Extract<Of<Route, Method>, { readonly path: Path }>>]
) => Promise<Types<Extract<Of<Route, Method>, { readonly path: Path }>>["reply"]>;

/** Calls routes by method and path, with what they take and answer as their types say. */
export interface RouteClient<Route extends DescribedRoute> {
  readonly get: Call<Route, "GET">;
  readonly post: Call<Route, "POST">;
  readonly put: Call<Route, "PUT">;
  readonly patch: Call<Route, "PATCH">;
  readonly del: Call<Route, "DELETE">;
}

/**
 * Asks for routes by the types of their declaration: `createRoutes<typeof routes>("http://localhost:3000").get("/users/:id", { params: { id: 7 } })`.
 * Only types are needed of them: `import type`. What is not 2xx is thrown as `ApiError`.
 *
 * @param url of the server
 */
export function createRoutes<Routes extends readonly DescribedRoute[]>(
  url: string,
  { client = createClient(), batchPath = "/batch", headers: given }: ApiOptions = {},
): RouteClient<Routes[number]> {
  const { origin } = new URL(url);
  const reads = createReads(client, origin, batchPath);
  const call =
    (method: string) =>
    async (path: string, { params = {}, query = {}, body, signal }: AnyOptions = {}): Promise<unknown> => {
      const target = toTarget(path, params, query);
      const fields = typeof given === "function" ? given() : (given ?? {});
      if (method === "GET") return contentOf(await reads.read(target, fields, signal));
      const content = body === undefined ? {} : { body: JSON.stringify(body) };
      const headers = body === undefined ? fields : { ...fields, "content-type": "application/json" };
      const response = await client.fetch(origin + target, { method, headers, ...content, ...(signal && { signal }) });
      return contentOf(await toAnswer(response));
    };
  const calls = { get: "GET", post: "POST", put: "PUT", patch: "PATCH", del: "DELETE" };
  return Object.fromEntries(
    Object.entries(calls).map(([name, method]) => [name, call(method)]),
  ) as unknown as RouteClient<Routes[number]>;
}

interface AnyOptions {
  readonly params?: Readonly<Record<string, unknown>>;
  readonly query?: Readonly<Record<string, unknown>>;
  readonly body?: unknown;
  readonly signal?: AbortSignal | undefined;
}

/** @throws TypeError for a parameter that was not given */
function toTarget(path: string, params: AnyOptions["params"] = {}, query: AnyOptions["query"] = {}): string {
  const filled = path.replaceAll(/([:*])(\w+)/g, (_, kind: string, name: string) => {
    const value = params[name];
    if (value === undefined || value === null || value === "") throw new TypeError(`${path} needs ${name}.`);
    // A rest has the slashes it stands for.
    return kind === "*"
      ? toText(value).split("/").map(encodeURIComponent).join("/")
      : encodeURIComponent(toText(value));
  });
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const each of Array.isArray(value) ? (value as unknown[]) : [value]) {
      if (each !== undefined) search.append(name, toText(each));
    }
  }
  return search.size === 0 ? filled : `${filled}?${search.toString()}`;
}

function toText(value: unknown): string {
  if (value instanceof Date) return value.toISOString();
  return typeof value === "string" ? value : JSON.stringify(value);
}

function contentOf({ status, body }: Answer): unknown {
  if (status >= 400) throw new ApiError(status, body);
  return body;
}
