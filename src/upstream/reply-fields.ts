import type { IncomingHttpHeaders } from "node:http";
import type { UpstreamSettings } from "../api/settings.ts";
import type { SourceReply } from "../api/source.ts";
import { withoutHopByHop } from "../http/hop-by-hop.ts";
import type { ReplyHeaders } from "../http/message.ts";
import { STATUS_CODES } from "../http/node-http.ts";
import { addVia } from "../http/via.ts";
import type { UpstreamReply } from "./exchange.ts";
import { ReplyStream } from "./reply-stream.ts";
import { toField } from "./request-fields.ts";

/** Turns what an upstream answered into a reply of ours: framed by us, its end-to-end fields as they came. */
export function createReplyOf(settings: UpstreamSettings): (received: UpstreamReply) => SourceReply {
  const { via } = settings;
  const removed = settings.headers.removeReply.map((name) => name.toLowerCase());
  const set = settings.headers.setReply.map(toField);
  return (received) => {
    const { status, statusText, headers: fields, body } = received;
    const headers: ReplyHeaders = withoutHopByHop(fields);
    // A coded body's length is unknown here, and RFC 9112 section 6.3 lets the coding override the field.
    if (fields["transfer-encoding"] !== undefined) delete headers["content-length"];
    if (via !== null) headers["via"] = addVia(headers["via"], "1.1", via);
    for (const name of removed) delete headers[name];
    for (const [name, value] of set) headers[name] = value;
    const reply: SourceReply = { status, headers, body };
    if (body instanceof ReplyStream) reply.trailers = () => toTrailers(received.trailers());
    if (statusText !== STATUS_CODES[status] && isPhrase(statusText)) reply.statusText = statusText;
    return reply;
  };
}

/** Trailer fields that may follow content: none that frame or route it (RFC 9110 section 6.5.1). */
function toTrailers(received: IncomingHttpHeaders | undefined): ReplyHeaders | undefined {
  if (received === undefined) return undefined;
  const trailers: ReplyHeaders = withoutHopByHop(received);
  for (const name of ["content-length", "content-encoding", "content-type", "content-range", "host"]) {
    delete trailers[name];
  }
  return trailers;
}

/** What HTTP/1.1 allows as a reason phrase, but for bytes beyond ASCII, which have no agreed meaning. */
function isPhrase(text: string): boolean {
  return /^[\t\u0020-\u007e]+$/.test(text);
}
