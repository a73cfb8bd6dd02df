import type { MountedSource } from "../api/definition.ts";
import type { Source, SourceRequest, Timing } from "../api/source.ts";
import type { Identity } from "../auth/identity.ts";
import { DelegatedRequest } from "../http/delegated-request.ts";
import type { HttpRequest } from "../http/message.ts";

/** A source and the paths it answers. */
export interface Mount {
  readonly source: Source;
  /** Without a trailing slash: empty at `/`. */
  readonly basePath: string;
}

/** Finds the source whose mount point is the longest prefix, in whole segments, of a path. */
export function createMounts(sources: readonly MountedSource[]): (path: string) => Mount | undefined {
  const mounts = sources
    .map(({ path, source }): Mount => ({ source, basePath: path === "/" ? "" : path }))
    .sort((one, other) => other.basePath.length - one.basePath.length);
  return (path) => mounts.find(({ basePath }) => isBelow(path, basePath));
}

function isBelow(path: string, basePath: string): boolean {
  if (basePath === "") return true;
  return path.startsWith(basePath) && (path.length === basePath.length || path[basePath.length] === "/");
}

/** A request as the source mounted there sees it. */
export class MountedRequest extends DelegatedRequest implements SourceRequest {
  readonly basePath: string;
  readonly subpath: string;
  readonly identity: Identity | undefined;
  readonly timing: Timing | undefined;

  constructor(request: HttpRequest, basePath: string, identity: Identity | undefined, timing?: Timing) {
    super(request);
    const { path } = request;
    this.identity = identity;
    this.basePath = basePath;
    this.subpath = basePath === "" ? path : path.slice(basePath.length) || "/";
    this.timing = timing;
  }
}
