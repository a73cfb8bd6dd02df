import type { Identity } from "../auth/identity.ts";
import type { HttpRequest } from "../http/message.ts";

/** A request as a source sees it. */
export interface SourceRequest extends HttpRequest {
  /** The path below the mount point, percent-encoded, beginning with `/`. Equals `path` when mounted at `/`. */
  readonly subpath: string;
  /** The mount point without a trailing slash: empty at `/`, else e.g. `/api`. */
  readonly basePath: string;
  /** Who asks, where the source wants to know and the server can tell; see `Source.admission`. */
  readonly identity?: Identity | undefined;
  /** Nobody waits for the reply: the cache refreshes what it has. */
  readonly isUnattended?: boolean;
  /** Present where clients are told how long each phase took. */
  readonly timing?: Timing | undefined;
  /** The part of the request's way that the source's own parts belong to. Present where requests are followed. */
  readonly span?: TraceSpan | undefined;
}

/** A timed part of a request's way, in a tree of such parts. Attributes are named by OpenTelemetry's semantic conventions. */
export interface TraceSpan {
  /** It goes to a tracing backend whatever comes of the request: costly details are worth adding to such spans only. */
  readonly isSampled: boolean;
  /** Of the whole trace: 32 hexadecimal digits. */
  readonly traceId: string;
  /** Names it to whoever is asked on its behalf (W3C Trace Context). */
  readonly traceparent: string;
  /** Begins a part of it, which must be ended. Its attributes are not copied: those that many spans have may be one object. */
  begin(name: string, kind?: SpanKind, attributes?: Readonly<Record<string, SpanAttribute>>): TraceSpan;
  set(name: string, value: SpanAttribute): void;
  /** Says that another span, of whichever trace, has to do with it. */
  link(other: TraceSpan): void;
  /** @param error what went wrong, as a code: one of a bounded set */
  end(error?: string): void;
}

/** `client`: others are asked. */
export type SpanKind = "internal" | "server" | "client";

export type SpanAttribute = string | number | boolean;

/** Notes where a request's time goes. */
export interface Timing {
  /** A phase is over: what has passed since the last one ended was its time. A phase that comes again adds to it. */
  mark(phase: string): void;
}
