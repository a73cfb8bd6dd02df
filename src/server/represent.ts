import { Readable } from "node:stream";
import {
  COMPRESS_AT_ONCE_BYTES,
  compress,
  compressStream,
  compressSync,
  createEncodingChoice,
  ENCODINGS,
  type Encoding,
  type EncodingChoice,
  isCompressible,
} from "../content/compression/index.ts";
import { HotpathError } from "../errors.ts";
import { evaluatePreconditions, isConditional, type Precondition } from "../http/conditional.ts";
import { formatHttpDate, parseHttpDate } from "../http/date.ts";
import { encodeTag, tagContent, tagMetadata } from "../http/etag.ts";
import type { HttpReply, HttpRequest, ReplyHeaders } from "../http/message.ts";
import { toNotModifiedHeaders, withoutContentFields } from "../http/not-modified.ts";
import { toProblemReply } from "../http/problem.ts";
import { addVary } from "../http/vary.ts";
import { Repeated } from "./repeated.ts";
import { SLICE_LENGTH, tagInSlices, toBytesInSlices } from "./large-content.ts";

/** How replies are represented. */
export interface RepresentSettings {
  /** Content codings on offer, the preferred first. Empty: nothing is compressed. */
  readonly encodings: readonly Encoding[];
  /** Content shorter than this is sent as it is. */
  readonly compressFromBytes: number;
  /** `Cache-Control` of successful replies to GET and HEAD that carry neither that nor `Expires`. Empty: none. */
  readonly defaultCacheControl: string;
}

/** What applies where nothing else is said. */
export const REPRESENT_DEFAULTS: RepresentSettings = {
  encodings: ENCODINGS,
  compressFromBytes: 1024,
  // Clients may keep a reply but ask before using it: never stale, and a 304 when nothing changed.
  defaultCacheControl: "no-cache",
};

/** Turns what a source answered into what is sent; asynchronous only where the content is large. */
export type Represent = (request: HttpRequest, reply: HttpReply) => HttpReply | Promise<HttpReply>;

/**
 * Builds the last step of the pipeline: validators, preconditions, content coding, lengths.
 *
 * The reply given in is not changed; a stream in it belongs to the reply that comes out, and is destroyed when that has none.
 */
export function createRepresent(settings: RepresentSettings): Represent {
  const chooseEncoding = createEncodingChoice(settings.encodings);
  const represent: Represent = (request, reply) => {
    if (isWithoutContent(reply.status)) return withoutContent(reply);
    if (typeof reply.body === "string" && reply.body.length > SLICE_LENGTH) {
      return toBytesInSlices(reply.body).then(async (bytes) => represent(request, { ...reply, body: bytes }));
    }
    const headers: ReplyHeaders = { ...reply.headers };
    const draft: Draft = {
      request,
      reply,
      headers,
      body: reply.body,
      bytes: lengthOf(reply.body),
      encoding: "identity",
      isSelected: false,
    };
    if (isCodable(settings, reply, headers)) {
      headers["vary"] = addVary(headers["vary"], "Accept-Encoding");
      draft.encoding = encodingFor(
        chooseEncoding(request.headers["accept-encoding"]),
        draft,
        settings.compressFromBytes,
      );
    }
    if (request.method !== "GET" && request.method !== "HEAD") return encode(draft);
    addCacheControl(headers, reply.status, settings.defaultCacheControl);
    const needsNone = reply.validate === false || request.isUnconditional === true;
    if (needsNone || !isSelected(request, reply.status)) return finish(draft);
    return validate(draft);
  };
  const repeated = new Repeated();
  return (request, reply) => {
    if (!isRepeatable(request, reply)) return represent(request, reply);
    const choice = chooseEncoding(request.headers["accept-encoding"]);
    if (choice.isForced) return represent(request, reply);
    const found = repeated.find(reply.headers, choice.encoding);
    if (found !== undefined) return { ...found };
    const made = represent(request, reply);
    return made instanceof Promise ? made : repeated.keep(reply.headers, choice.encoding, made);
  };
}

/** Whether what comes of the reply depends on nothing of the request but the codings it accepts. */
function isRepeatable({ method, headers }: HttpRequest, { isRecurring, status }: HttpReply): boolean {
  return isRecurring === true && method === "GET" && status === 200 && !isConditional(headers);
}

/** A reply on its way. */
interface Draft {
  readonly request: HttpRequest;
  readonly reply: HttpReply;
  readonly headers: ReplyHeaders;
  body: HttpReply["body"];
  /** Length of a buffered body; `undefined` for streams and where there is none. */
  readonly bytes: number | undefined;
  encoding: Encoding | "identity";
  /** The content is that of the selected representation: it gets validators, and preconditions are held against them. */
  isSelected: boolean;
}

/** Sets validators. */
function validate(draft: Draft): HttpReply | Promise<HttpReply> {
  const { headers, body, reply } = draft;
  draft.isSelected = true;
  if (reply.modifiedMs !== undefined && Number.isFinite(reply.modifiedMs) && headers["last-modified"] === undefined) {
    // A time ahead of the clock would say that the content cannot have changed until then (RFC 9110 section 8.8.2.1).
    headers["last-modified"] = formatHttpDate(Math.min(reply.modifiedMs, Date.now()));
  }
  if (headers["etag"] !== undefined || body === undefined || body instanceof Readable) return finish(draft);
  // A 304 repeats none of these fields, so a change of any must change the tag: the same rows can be a page of a longer list.
  const { kept } = reply;
  if (kept?.etag !== undefined) {
    headers["etag"] = kept.etag;
    return finish(draft);
  }
  const metadata = tagMetadata(headers);
  if (body instanceof Uint8Array && body.byteLength > SLICE_LENGTH) return validateLarge(draft, body, metadata);
  headers["etag"] = tagContent(body, metadata);
  if (kept !== undefined) kept.etag = headers["etag"];
  return finish(draft);
}

async function validateLarge(draft: Draft, bytes: Uint8Array, metadata: string): Promise<HttpReply> {
  const etag = await tagInSlices(bytes, metadata);
  draft.headers["etag"] = etag;
  if (draft.reply.kept !== undefined) draft.reply.kept.etag = etag;
  return finish(draft);
}

/** Names the coding in the tag, holds the preconditions against it, and only then encodes. GET and HEAD only. */
function finish(draft: Draft): HttpReply | Promise<HttpReply> {
  const { request, headers } = draft;
  nameEncoding(draft);
  if (draft.isSelected && isConditional(request.headers)) {
    const precondition = hold(request, headers);
    if (precondition !== "proceed") {
      discard(draft.body);
      if (precondition === "failed") return preconditionFailed(request, headers);
      return { status: 304, headers: toNotModifiedHeaders(headers), body: undefined };
    }
  }
  return request.method === "HEAD" ? withoutBody(draft) : encodeBody(draft);
}

function encode(draft: Draft): HttpReply | Promise<HttpReply> {
  nameEncoding(draft);
  return encodeBody(draft);
}

/** Makes the fields those of the coded representation. */
function nameEncoding({ headers, encoding }: Draft): void {
  if (encoding === "identity") return;
  headers["content-encoding"] = encoding;
  if (typeof headers["etag"] === "string") headers["etag"] = encodeTag(headers["etag"], encoding);
  // What the source said about its own bytes does not hold for these.
  delete headers["content-length"];
  delete headers["content-md5"];
  delete headers["content-digest"];
  delete headers["repr-digest"];
  delete headers["accept-ranges"];
}

function encodeBody(draft: Draft): HttpReply | Promise<HttpReply> {
  const { body, bytes, encoding } = draft;
  if (body instanceof Readable) {
    return toReply(draft, encoding === "identity" ? body : compressStream(body, encoding));
  }
  if (encoding === "identity" || body === undefined) {
    draft.headers["content-length"] = String(bytes ?? 0);
    return toReply(draft, body);
  }
  const { kept } = draft.reply;
  const found = kept?.find(encoding);
  if (found !== undefined) return withLength(draft, found);
  if ((bytes ?? 0) > COMPRESS_AT_ONCE_BYTES) return encodeLarge(draft, body, encoding);
  const content = compressSync(body, encoding);
  kept?.keep(encoding, content);
  return withLength(draft, content);
}

async function encodeLarge(draft: Draft, body: string | Uint8Array, encoding: Encoding): Promise<HttpReply> {
  const content = await compress(body, encoding);
  draft.reply.kept?.keep(encoding, content);
  return withLength(draft, content);
}

function withLength(draft: Draft, content: Uint8Array): HttpReply {
  draft.headers["content-length"] = String(content.byteLength);
  return toReply(draft, content);
}

/** The reply to HEAD: the fields of GET. The length of coded content is left out, since it would take encoding to know. */
function withoutBody(draft: Draft): HttpReply {
  discard(draft.body);
  if (draft.encoding === "identity" && draft.bytes !== undefined) draft.headers["content-length"] = String(draft.bytes);
  return toReply(draft, undefined);
}

function toReply({ reply, headers }: Draft, body: HttpReply["body"]): HttpReply {
  const { status, statusText, trailers } = reply;
  const sent: HttpReply = statusText === undefined ? { status, headers, body } : { status, statusText, headers, body };
  if (trailers !== undefined) sent.trailers = trailers;
  return sent;
}

function preconditionFailed(request: HttpRequest, headers: ReplyHeaders): HttpReply {
  const field = request.headers["if-match"] === undefined ? "If-Unmodified-Since" : "If-Match";
  const problem = toProblemReply(
    new HotpathError("HP_PRECONDITION_FAILED", `The current representation does not meet ${field}.`),
  );
  const body = problem.body;
  const merged = { ...withoutContentFields(headers), ...problem.headers };
  merged["content-length"] = String(lengthOf(body) ?? 0);
  return { status: problem.status, headers: merged, body: request.method === "HEAD" ? undefined : body };
}

/** Replies that never have content (RFC 9110 sections 15.2, 15.3.5 and 15.4.5) go out as they came, but for a stray body. */
function withoutContent(reply: HttpReply): HttpReply {
  discard(reply.body);
  const headers = { ...reply.headers };
  if (reply.status !== 304) delete headers["content-length"];
  return { ...reply, headers, body: undefined };
}

/** Whether hotpath may compress the reply at all, so that `Accept-Encoding` matters to it. */
function isCodable(settings: RepresentSettings, reply: HttpReply, headers: ReplyHeaders): boolean {
  const type = headers["content-type"];
  if (typeof type !== "string" || settings.encodings.length === 0 || !isCompressible(type)) return false;
  if (headers["content-encoding"] !== undefined) return false;
  // Offsets of a byte range count in the uncoded content. A dialect's 206 of rows is a representation like any other.
  if (reply.status === 206 && /^bytes\b/i.test(asText(headers["content-range"]))) return false;
  const cacheControl = headers["cache-control"];
  return cacheControl === undefined || !asText(cacheControl).toLowerCase().includes("no-transform");
}

function encodingFor(choice: EncodingChoice, draft: Draft, compressFromBytes: number): Encoding | "identity" {
  if (choice.encoding === "identity") return "identity";
  const isStream = draft.body instanceof Readable;
  // A source may answer HEAD without a body; GET would then have one of the length it declares.
  if (draft.body === undefined && draft.request.method !== "HEAD") return "identity";
  const bytes = draft.bytes ?? declaredLength(draft.headers);
  if (bytes === undefined) return isStream ? choice.encoding : "identity";
  return bytes >= compressFromBytes || (choice.isForced && bytes > 0) ? choice.encoding : "identity";
}

function addCacheControl(headers: ReplyHeaders, status: number, value: string): void {
  if (value === "" || status < 200 || status > 299) return;
  if (headers["cache-control"] === undefined && headers["expires"] === undefined) headers["cache-control"] = value;
}

/** Without any validator there is nothing to hold conditions against: an upstream's stream has met or ignored them there. */
function hold(request: HttpRequest, headers: ReplyHeaders): Precondition {
  const { etag, "last-modified": lastModified } = headers;
  if (etag === undefined && lastModified === undefined) return "proceed";
  return evaluatePreconditions(request.method, request.headers, {
    etag: typeof etag === "string" ? etag : undefined,
    modifiedMs: typeof lastModified === "string" ? parseHttpDate(lastModified) : undefined,
  });
}

/**
 * Whether the content is the whole selected representation of its URL. A 206 is where a dialect says so of some rows, chosen
 * by the URL alone; one that answers a `Range` field is a part, whose validators are the source's business.
 */
function isSelected(request: HttpRequest, status: number): boolean {
  return status === 200 || (status === 206 && request.headers["range"] === undefined);
}

function isWithoutContent(status: number): boolean {
  return status === 204 || status === 304 || status < 200;
}

function lengthOf(body: HttpReply["body"]): number | undefined {
  if (typeof body === "string") return Buffer.byteLength(body);
  return body instanceof Uint8Array ? body.byteLength : undefined;
}

function declaredLength(headers: ReplyHeaders): number | undefined {
  const length = headers["content-length"];
  return typeof length === "string" && /^\d+$/.test(length) ? Number(length) : undefined;
}

function asText(value: string | string[] | undefined): string {
  if (value === undefined) return "";
  return typeof value === "string" ? value : value.join(", ");
}

/** Destroys a stream that nobody will read. It may still report an error, which then concerns nobody. */
function discard(body: HttpReply["body"]): void {
  if (body instanceof Readable) body.on("error", () => {}).destroy();
}
