import type { IncomingHttpHeaders } from "node:http";
import type { Readable } from "node:stream";

/** One HTTP request as the pipeline sees it, whichever protocol carried it. */
export interface HttpRequest {
  /** As received: methods are case-sensitive (RFC 9110 section 9.1). */
  readonly method: string;
  /** The request target in origin-form, e.g. `/users?id=eq.1`. */
  readonly target: string;
  /** The target's path, still percent-encoded. */
  readonly path: string;
  /** What follows the first `?` of the target, still encoded; empty when there is none. */
  readonly query: string;
  /** Field names in lower case. */
  readonly headers: Readonly<IncomingHttpHeaders>;
  readonly httpVersion: string;
  readonly scheme: "http" | "https";
  /** `Host` or `:authority`, as received. */
  readonly authority: string;
  /** Address of the peer of the connection. */
  readonly remoteAddress: string;
  /** Aborts when the client leaves before its reply is complete. Created when first read. */
  readonly signal: AbortSignal;
  /** The request's content. Who reads it owns it; unread content is discarded by the listener. */
  readonly body: Readable;
  /**
   * Reads the content up to a limit, or a little beyond it, without what a stream costs; what there is after that is in `body`. To be called
   * once, and before `body` is looked at. Absent, and where it answers nothing: all of it is in `body`.
   */
  takeContent?(maxBytes: number): Promise<ContentBeginning> | undefined;
  /** Whether content follows the head. Absent: as `Content-Length` and `Transfer-Encoding` say. */
  readonly hasContent?: boolean;
  /** Nobody will ask by the reply's validators whether it still holds: it needs none. */
  readonly isUnconditional?: boolean;
  /**
   * Sends an interim reply (103 Early Hints) ahead of the reply. Does nothing where the protocol has none or the reply has begun.
   * Absent: nobody would get it.
   */
  inform?(status: number, headers: Readonly<ReplyHeaders>): void;
}

/** The beginning of a request's content, which is all of it unless it goes on. */
export interface ContentBeginning {
  readonly bytes: Buffer;
  readonly goesOn: boolean;
}

/** Header fields of a reply, names in lower case. */
export type ReplyHeaders = Record<string, string | string[]>;

/** What a source answers, and what a listener writes. */
export interface HttpReply {
  status: number;
  /** Reason phrase for HTTP/1.1; the standard one when absent. */
  statusText?: string;
  headers: ReplyHeaders;
  /** A string is sent as UTF-8. A stream is owned, and destroyed on failure, by whoever writes the reply. */
  body: string | Uint8Array | Readable | undefined;
  /** Modification time of the selected representation in milliseconds since the epoch, when the source knows it. */
  modifiedMs?: number;
  /** Fields that follow a streamed body, asked for once it has ended. Sent to clients that accept trailers. */
  trailers?: () => Readonly<ReplyHeaders> | undefined;
  /** `false`: the represent stage sets no validator and answers no conditional request for this reply. */
  validate?: boolean;
  /** Where the represent stage keeps what it works out for content that is served more than once. */
  kept?: KeptContent;
  /** The very `headers` object is given to others as well for a while: it is not to be changed. */
  isShared?: boolean;
  /** Set with `isShared`: it is given so often within a second that what is worked out for it is worth keeping. */
  isRecurring?: boolean;
  /** Set with `isShared`: where a listener keeps what it rendered of the reply, so that it need not again. */
  rendering?: Rendering;
  /** A request with the same head may be answered with this very reply again. Absent: it may not. */
  memo?: ReplyMemo;
}

/** What a listener made of a reply that many get. Its own business: it alone knows what is in it. */
export interface Rendering {
  made: unknown;
}

/** What has been worked out for one content, so that it need not be again. */
export interface KeptContent {
  /** The tag made for it. */
  etag: string | undefined;
  /** Its form in a content coding. */
  find(coding: string): Uint8Array | undefined;
  keep(coding: string, content: Uint8Array): void;
}

/** How long, and on what terms, a reply may be given again to a request with the same head. */
export interface ReplyMemo {
  /** The next moment at which any of it reads differently (`Age`, a lifetime, the end of freshness): milliseconds since the epoch. */
  readonly untilMs: number;
  /** Whether what it was made from still stands: `false` once it was purged, replaced or invalidated. */
  isCurrent(): boolean;
  /**
   * Does for a repeated reply what the walk does for every one: counts it, consumes limits. `false` refuses: walk instead.
   *
   * @param remoteAddress where the request came from: the same bytes from elsewhere may be another client's.
   */
  repeat(remoteAddress: string): boolean;
}
