import type { IncomingHttpHeaders } from "node:http";
import type { MountedSource } from "../api/definition.ts";
import type { Source } from "../api/source.ts";
import type { SourceRequest, Timing, TraceSpan } from "../api/source-request.ts";
import type { Identity } from "../auth/identity.ts";
import { DelegatedRequest } from "../http/delegated-request.ts";
import type { HttpRequest } from "../http/message.ts";
import { createMethodSource } from "./method-source.ts";

/** A source and the paths it answers. */
export interface Mount {
  readonly source: Source;
  /** Without a trailing slash: empty at `/`. */
  readonly basePath: string;
  /** Pattern of the one route that it is, for metrics. */
  readonly pattern?: string;
}

/** Finds what answers a method of a path. */
export type FindMount = (path: string, method: string) => Mount | undefined;

/** Routes by method and path. */
export interface RoutesByPath {
  find(
    method: string,
    path: string,
  ): { readonly found: Source; readonly route: { readonly path: string }; readonly literals: number } | undefined;
  methodsOf(path: string): readonly string[];
}

/**
 * One router for sources and routes: the source whose mount point is the longest prefix, in whole segments, of a path, or the route that
 * matches it, if its literal beginning is as long.
 */
export function createMounts(sources: readonly MountedSource[], routes?: RoutesByPath): FindMount {
  const findSource = createSourceMounts(sources);
  if (routes === undefined) return findSource;
  return (path, method) => {
    const mount = findSource(path);
    const entry = routes.find(method, path);
    if (entry !== undefined && entry.literals >= depthOf(mount)) {
      return { source: entry.found, basePath: "", pattern: entry.route.path };
    }
    if (mount !== undefined) return mount;
    const methods = routes.methodsOf(path);
    return methods.length === 0 ? undefined : { source: createMethodSource(methods), basePath: "" };
  };
}

function depthOf(mount: Mount | undefined): number {
  return mount === undefined || mount.basePath === "" ? 0 : mount.basePath.split("/").length - 1;
}

function createSourceMounts(sources: readonly MountedSource[]): (path: string) => Mount | undefined {
  const mounts = sources
    .map(({ path, source }): Mount => ({ source, basePath: path === "/" ? "" : path }))
    .sort((one, other) => other.basePath.length - one.basePath.length);
  return (path) => mounts.find(({ basePath }) => isBelow(path, basePath));
}

function isBelow(path: string, basePath: string): boolean {
  if (basePath === "") return true;
  return path.startsWith(basePath) && (path.length === basePath.length || path[basePath.length] === "/");
}

/** The request as the source sees it that is mounted there. */
export function toMounted(
  request: HttpRequest,
  { source, basePath }: Mount,
  identity: Identity | undefined,
  timing?: Timing,
): MountedRequest {
  const made = source.isForAnyone === true ? AnonymousRequest : MountedRequest;
  return new made(request, basePath, identity, timing);
}

/** A request as the source mounted there sees it. */
export class MountedRequest extends DelegatedRequest implements SourceRequest {
  readonly basePath: string;
  readonly subpath: string;
  readonly identity: Identity | undefined;
  readonly timing: Timing | undefined;
  /** That of the step that it is given to; the walk sets it. */
  span: TraceSpan | undefined = undefined;

  constructor(request: HttpRequest, basePath: string, identity: Identity | undefined, timing?: Timing) {
    super(request);
    const { path } = request;
    this.identity = identity;
    this.basePath = basePath;
    this.subpath = basePath === "" ? path : path.slice(basePath.length) || "/";
    this.timing = timing;
  }
}

/** A request of nobody in particular. */
class AnonymousRequest extends MountedRequest {
  #headers: Readonly<IncomingHttpHeaders> | undefined;

  override get headers(): Readonly<IncomingHttpHeaders> {
    if (this.#headers === undefined) {
      const { authorization: _token, cookie: _cookies, ...headers } = super.headers;
      this.#headers = headers;
    }
    return this.#headers;
  }
}
