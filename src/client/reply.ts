import type { ReplyHeaders } from "../http/message.ts";
import type { SharedBody } from "./shared-body.ts";
import type { StoredResponse } from "./store.ts";

/** A response that can be given to any number of callers. */
export interface Reply {
  readonly status: number;
  readonly statusText: string;
  readonly headers: Readonly<ReplyHeaders>;
  /** Where it came from, after redirects. */
  readonly url: string;
  readonly isRedirected: boolean;
  readonly type: ResponseType;
  /** `undefined` where there can be none. */
  readonly content: SharedBody | Uint8Array<ArrayBuffer> | undefined;
}

/** A stored response as a reply of a certain age; `ageMs` is absent just after it was validated. */
export function toReply(stored: StoredResponse, ageMs: number): Reply {
  const age = String(Math.floor(ageMs / 1000));
  return {
    status: stored.status,
    statusText: stored.statusText,
    headers: { ...stored.headers, age },
    url: stored.url,
    isRedirected: false,
    type: stored.isCrossOrigin ? "cors" : "basic",
    content: stored.body,
  };
}

/**
 * Makes a `Response` for one caller.
 *
 * @param onEnd called once nothing more is wanted of the reply's content: at once, or when the caller has read it or given it up.
 */
export function toResponse(
  reply: Reply,
  method: string,
  signal: AbortSignal | undefined,
  onEnd: () => void = () => {},
): Response {
  const { content, status } = reply;
  let body: ReadableStream<Uint8Array> | Uint8Array<ArrayBuffer> | null = null;
  if (content === undefined || method === "HEAD" || NULL_BODY.has(status)) onEnd();
  else if (content instanceof Uint8Array) {
    body = content;
    onEnd();
  } else body = content.open(signal, onEnd);
  // The constructor takes fewer statuses than servers send.
  const isUsual = status >= 200 && status <= 599;
  const response = new Response(body, { status: isUsual ? status : 200, statusText: reply.statusText });
  for (const [name, value] of Object.entries(reply.headers)) {
    for (const line of typeof value === "string" ? [value] : value) response.headers.append(name, line);
  }
  return withOrigins(response, reply);
}

/** A response's header fields; `Set-Cookie` stays a list. */
export function readHeaders(headers: Headers): ReplyHeaders {
  const fields: ReplyHeaders = Object.fromEntries(headers);
  const cookies = headers.getSetCookie();
  if (cookies.length > 0) fields["set-cookie"] = cookies;
  return fields;
}

const NULL_BODY = new Set([101, 103, 204, 205, 304]);

type ResponseType = Response["type"];

/** Gives a response, and its clones, what only `fetch` itself can set. */
function withOrigins(response: Response, reply: Reply): Response {
  const { url, isRedirected, type, status } = reply;
  return Object.defineProperties(response, {
    url: { value: url },
    redirected: { value: isRedirected },
    type: { value: type },
    status: { value: status },
    ok: { value: status >= 200 && status <= 299 },
    clone: { value: () => withOrigins(Response.prototype.clone.call(response), reply) },
  });
}
