import type { IncomingHttpHeaders } from "node:http";
import type { Readable } from "node:stream";
import type { MountedSource } from "../api/definition.ts";
import type { Source, SourceRequest, Timing } from "../api/source.ts";
import type { Identity } from "../auth/identity.ts";
import { hasContent } from "../http/content.ts";
import type { HttpRequest, ReplyHeaders } from "../http/message.ts";

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

/** A request as the source mounted there sees it. Delegates, so that nothing is read before it is asked for. */
export class MountedRequest implements SourceRequest {
  readonly method: string;
  readonly target: string;
  readonly path: string;
  readonly basePath: string;
  readonly subpath: string;
  readonly identity: Identity | undefined;
  readonly timing: Timing | undefined;
  readonly #request: HttpRequest;

  constructor(request: HttpRequest, basePath: string, identity: Identity | undefined, timing?: Timing) {
    const { path } = request;
    this.#request = request;
    this.identity = identity;
    this.method = request.method;
    this.target = request.target;
    this.path = path;
    this.basePath = basePath;
    this.subpath = basePath === "" ? path : path.slice(basePath.length) || "/";
    this.timing = timing;
  }

  get query(): string {
    return this.#request.query;
  }
  get headers(): Readonly<IncomingHttpHeaders> {
    return this.#request.headers;
  }
  get httpVersion(): string {
    return this.#request.httpVersion;
  }
  get scheme(): "http" | "https" {
    return this.#request.scheme;
  }
  get authority(): string {
    return this.#request.authority;
  }
  get remoteAddress(): string {
    return this.#request.remoteAddress;
  }
  get signal(): AbortSignal {
    return this.#request.signal;
  }
  get body(): Readable {
    return this.#request.body;
  }
  get hasContent(): boolean {
    return hasContent(this.#request);
  }
  inform(status: number, headers: Readonly<ReplyHeaders>): void {
    this.#request.inform?.(status, headers);
  }
}
