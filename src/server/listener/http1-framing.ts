import type { IncomingMessage } from "node:http";
import { HotpathError } from "../../errors.ts";
import { type BodyLimit, limitOfBody } from "./body-limit.ts";
import { bodyTooLarge } from "./request-body.ts";
import type { ListenerLimits } from "./settings.ts";
import { isAuthority, isOriginForm, parseTarget } from "./target.ts";

/** What the listener itself must know of a request's head. */
export interface Framing {
  /** Origin-form, or `*`. */
  readonly target: string;
  readonly authority: string;
  readonly hasContent: boolean;
  /** The client waits for an interim reply before it sends its content. */
  readonly hasExpectation: boolean;
}

/** What a request is checked against. */
export interface FramingContext {
  readonly limits: ListenerLimits;
  readonly bodyLimit: BodyLimit | undefined;
}

/**
 * Checks what Node's parser leaves to the server: target form and length, number of fields, exactly one good `Host`
 * (RFC 9112 section 3.2), known transfer codings, announced content length. Works on the raw fields, where
 * duplicates still show.
 *
 * @throws HotpathError with the status of the refusal.
 */
export function checkFraming(message: IncomingMessage, context: FramingContext): Framing {
  const { limits } = context;
  const { rawHeaders, url = "", method = "GET" } = message;
  if (url.length > limits.maxUrlBytes) {
    throw new HotpathError("HP_URL_TOO_LONG", `The URL has more than ${limits.maxUrlBytes} bytes.`);
  }
  if (rawHeaders.length > 2 * limits.maxHeadersCount) {
    throw new HotpathError(
      "HP_HEADERS_TOO_LARGE",
      `The request has more than ${limits.maxHeadersCount} header fields.`,
    );
  }
  if (message.httpVersionMajor !== 1)
    throw malformed(`HTTP/${message.httpVersion} has another form than this request.`);
  let host: string | undefined;
  let type: string | undefined;
  let hasContent = false;
  let hasExpectation = false;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] as string;
    // Field names by length first: three comparisons of numbers rule out nearly every field.
    if (name.length === 4 && name.toLowerCase() === "host") {
      if (host !== undefined) throw malformed("The request has more than one Host field.");
      host = rawHeaders[at + 1] as string;
    } else if (name.length === 14 && isField(name, "content-length", "content_length")) {
      const length = contentLength(rawHeaders[at + 1] as string);
      if (length > limits.maxBodyBytes) {
        const maxBytes = limitOfBody(context, method, url, message.headers);
        if (length > maxBytes) throw bodyTooLarge(maxBytes);
      }
      hasContent ||= length > 0;
    } else if (name.length === 17 && isField(name, "transfer-encoding", "transfer_encoding")) {
      if ((rawHeaders[at + 1] as string).toLowerCase() !== "chunked") throw malformed("Unknown transfer coding.");
      hasContent = true;
    } else if (name.length === 12 && name.toLowerCase() === "content-type") {
      if (type !== undefined && type !== rawHeaders[at + 1]) throw malformed("The request has two media types.");
      type = rawHeaders[at + 1];
    } else if (name.length === 6 && name.toLowerCase() === "expect") {
      hasExpectation = true;
    }
  }
  // The usual target spares the object that `parseTarget` makes.
  if (host !== undefined && isAuthority(host) && url.charCodeAt(0) === SLASH && isOriginForm(url)) {
    return { target: url, authority: host, hasContent, hasExpectation };
  }
  return { ...checkTarget(message, method, url, host), hasContent, hasExpectation };
}

/** @throws HotpathError for the name with an underscore, which CGI and its heirs behind us would read as the field itself. */
function isField(name: string, field: string, mistaken: string): boolean {
  const written = name.toLowerCase();
  if (written === mistaken) throw malformed(`The request has a field ${mistaken}; its name is ${field}.`);
  return written === field;
}

/** Digits that others might read as octal are refused; decimal is what they mean (RFC 9110 section 8.6). */
function contentLength(digits: string): number {
  if (digits.length > 1 && digits.startsWith("0")) throw malformed("Content-Length begins with a zero.");
  return Number(digits);
}

function checkTarget(
  message: IncomingMessage,
  method: string,
  url: string,
  host: string | undefined,
): { target: string; authority: string } {
  if (host === undefined) {
    if (message.httpVersionMinor > 0) throw malformed("The request has no Host field.");
  } else if (!isAuthority(host)) {
    throw malformed("The Host field is not a host with an optional port.");
  }
  const target = parseTarget(method, url);
  if (target === undefined) throw malformed("The request target has none of the forms of RFC 9112 section 3.2.");
  return { target: target.target, authority: target.authority ?? host ?? "" };
}

function malformed(message: string): HotpathError {
  return new HotpathError("HP_BAD_REQUEST", message);
}

const SLASH = 0x2f;
