import type { IncomingHttpHeaders } from "node:http";
import { Readable } from "node:stream";
import type { SourceRequest } from "../api/source-request.ts";

/** Stands for a value that is kept in the cache beside replies: under a name that no request can have, since no client may send it. */
export class RememberedRequest implements SourceRequest {
  readonly method = "GET";
  readonly target: string;
  readonly query = "";
  readonly headers: Readonly<IncomingHttpHeaders> = NO_HEADERS;
  readonly httpVersion = "1.1";
  readonly scheme = "http";
  // A bar stands in no Host field that is let through.
  readonly authority = "remembered|tagged";
  readonly remoteAddress = "";
  readonly hasContent = false;
  readonly basePath = "";

  constructor(key: string) {
    this.target = `/${encodeURIComponent(key)}`;
  }

  get path(): string {
    return this.target;
  }

  get subpath(): string {
    return this.target;
  }

  /** What is worked out for many does not end with one of them. */
  get signal(): AbortSignal {
    return NEVER;
  }

  get body(): Readable {
    return Readable.from([]);
  }
}

const NO_HEADERS = Object.freeze({});
const NEVER = new AbortController().signal;
