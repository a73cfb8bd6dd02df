import type { ReplyHeaders } from "./message.ts";

/** Fields that describe content. `Content-Location` is not among them: a 304 repeats it. */
const CONTENT_FIELDS = new Set([
  "accept-ranges",
  "content-digest",
  "content-disposition",
  "content-encoding",
  "content-language",
  "content-length",
  "content-md5",
  "content-range",
  "content-type",
  "digest",
  "link",
  "repr-digest",
  "trailer",
  "transfer-encoding",
]);

/**
 * The fields of a 304 in place of the 200 that these are of (RFC 9110 section 15.4.5): what describes the content is left out, and
 * so is `Last-Modified` beside an `ETag`; `Cache-Control`, `Content-Location`, `Date`, `ETag`, `Expires` and `Vary` stay, as does
 * what has nothing to do with the content, e.g. cookies and cross-origin permissions.
 */
export function toNotModifiedHeaders(headers: Readonly<ReplyHeaders>): ReplyHeaders {
  const kept = withoutContentFields(headers);
  if (kept["etag"] !== undefined) delete kept["last-modified"];
  return kept;
}

/** The fields that hold for a reply with other content, or none. */
export function withoutContentFields(headers: Readonly<ReplyHeaders>): ReplyHeaders {
  const kept: ReplyHeaders = {};
  for (const name in headers) {
    const value = headers[name];
    if (value !== undefined && !CONTENT_FIELDS.has(name)) kept[name] = value;
  }
  return kept;
}
