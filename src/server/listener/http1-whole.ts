import { currentHttpDate } from "../../http/date.ts";
import type { HttpReply } from "../../http/message.ts";
import { ownBytes } from "../../http/own-bytes.ts";
import { STATUS_CODES, validateHeaderName, validateHeaderValue } from "../../http/node-http.ts";
import { carriesContent, isConnectionField } from "./reply-body.ts";

/** A reply whose content is at hand, as it goes over the wire. */
export interface WholeReply {
  readonly head: string;
  readonly content: string | Uint8Array | undefined;
  /** The content is a text of ASCII: with its head it is one text, of as many bytes as characters. */
  readonly isAscii?: boolean;
  /** Both, where they have been joined already. */
  readonly bytes?: Uint8Array;
  /** The head alone, where the content is too long to be joined. */
  readonly headBytes?: Uint8Array;
}

/** Whether a reply's content is at hand. */
export function isWhole(body: HttpReply["body"]): body is string | Uint8Array | undefined {
  return body === undefined || typeof body === "string" || body instanceof Uint8Array;
}

/**
 * Renders a reply, or finds it rendered: of one that is given to many the bytes are kept until the clock's next second.
 *
 * @throws what Node throws for malformed fields, and RangeError for a status that is not final.
 */
export function renderWhole(
  reply: HttpReply,
  body: string | Uint8Array | undefined,
  method: string,
  persistence: string,
): WholeReply {
  const { rendering } = reply;
  if (rendering === undefined) return render(reply, body, method, persistence);
  const date = currentHttpDate();
  const { made } = rendering;
  if (made instanceof Rendered && made.date === date && made.persistence === persistence) return made.whole;
  const whole = toKept(render(reply, body, method, persistence), KEPT_BYTES);
  rendering.made = new Rendered(whole, date, persistence);
  return whole;
}

/** What is kept with a reply that is given to many. */
class Rendered {
  readonly whole: WholeReply;
  readonly date: string;
  readonly persistence: string;

  constructor(whole: WholeReply, date: string, persistence: string) {
    this.whole = whole;
    this.date = date;
    this.persistence = persistence;
  }
}

/** Joining longer ones anew costs less than the memory. */
const KEPT_BYTES = 4096;

/** A reply that is to be written more than once: joined up to a length, beyond it without a copy of its content. */
export function toKept(whole: WholeReply, joinedBytes: number): WholeReply {
  if (whole.bytes !== undefined) return whole;
  const { head, content } = whole;
  const isJoined = typeof content === "string" || head.length + (content?.length ?? 0) <= joinedBytes;
  if (isJoined) return { ...whole, bytes: ownBytes(joinReply(whole)) };
  return whole.headBytes === undefined ? { ...whole, headBytes: ownBytes(Buffer.from(head, "latin1")) } : whole;
}

function render(
  reply: HttpReply,
  body: string | Uint8Array | undefined,
  method: string,
  persistence: string,
): WholeReply {
  const { status, headers } = reply;
  checkStatus(status);
  const { "content-length": announced } = headers;
  const length = contentLength(method, status, body, announced === undefined ? undefined : String(announced));
  const head = renderHead(reply, length, persistence);
  const hasContent = body !== undefined && body.length > 0 && carriesContent(method, status);
  const isAscii = hasContent && typeof body === "string" && length === String(body.length);
  return { head, content: hasContent ? body : undefined, isAscii };
}

/**
 * Renders the head of a reply on a connection that stays open, letter for letter as Node's ServerResponse would.
 *
 * @param length value of its Content-Length; none is sent where it is `undefined`.
 * @param persistence what `persistenceFields` answers.
 * @throws what Node throws for names, values and reason phrases that are malformed.
 */
function renderHead(reply: HttpReply, length: string | undefined, persistence: string): string {
  const { status, headers } = reply;
  const reason = reasonOf(reply);
  let head = `HTTP/1.1 ${status} ${reason}\r\n`;
  let isDated = false;
  for (const name in headers) {
    if (name === "content-length" || isConnectionField(name)) continue;
    isDated ||= name.length === 4 && name.toLowerCase() === "date";
    const value = headers[name] as string | string[];
    if (typeof value === "string") head += fieldLine(name, value);
    else for (const each of value) head += fieldLine(name, each);
  }
  if (length !== undefined) head += fieldLine("content-length", length);
  if (!isDated) head += `Date: ${currentHttpDate()}\r\n`;
  return `${head}${persistence}\r\n`;
}

/** The reason phrase of a reply. @throws what Node throws for a malformed one. */
export function reasonOf({ status, statusText }: HttpReply): string {
  if (statusText === undefined) return STATUS_CODES[status] ?? "unknown";
  checkValue("reason phrase", statusText);
  return statusText;
}

/** The fields by which an HTTP/1.1 reply says that its connection stays open, and for how long. */
export function persistenceFields(keepAliveTimeoutMs: number): string {
  const timeout = keepAliveTimeoutMs > 0 ? `Keep-Alive: timeout=${Math.floor(keepAliveTimeoutMs / 1000)}\r\n` : "";
  return `Connection: keep-alive\r\n${timeout}`;
}

/** Longer content is not worth copying beside its head. */
export const JOINED_BYTES = 16_384;

/** A whole reply as bytes. */
export function joinReply({ head, content, isAscii, bytes: joined }: WholeReply): Uint8Array {
  if (joined !== undefined) return joined;
  if (content === undefined) return Buffer.from(head, "latin1");
  if (isAscii === true) return Buffer.from(head + String(content), "latin1");
  if (typeof content === "string") {
    const bytes = Buffer.allocUnsafe(head.length + Buffer.byteLength(content));
    bytes.write(content, bytes.write(head, "latin1"), "utf8");
    return bytes;
  }
  const bytes = Buffer.allocUnsafe(head.length + content.length);
  bytes.set(content, bytes.write(head, "latin1"));
  return bytes;
}

/** The Content-Length of a reply whose content is at hand; `undefined` where none may or can be stated. */
export function contentLength(
  method: string,
  status: number,
  body: string | Uint8Array | undefined,
  announced: string | undefined,
): string | undefined {
  if (status === 204) return undefined;
  // Without content these may state the length that a 200 to GET would have.
  if (body === undefined && (method === "HEAD" || status === 304)) return announced;
  if (body === undefined) return "0";
  if (status === 304) return announced;
  return String(typeof body === "string" ? Buffer.byteLength(body) : body.length);
}

/** @throws RangeError for a status that is not final. */
export function checkStatus(status: number): void {
  if (status < 200 || status > 999) throw new RangeError(`status ${status} is no final status`);
}

/** A server sends the same few names for ever, and most of them with the same value as before. */
const MOST_REMEMBERED = 1000;
const LONGEST_REMEMBERED = 128;
const goodNames = new Map<string, { value: string; line: string }>();

/** A field as it goes over the wire. @throws what Node throws for a malformed one. */
function fieldLine(name: string, value: string): string {
  const last = goodNames.get(name);
  if (last?.value === value) return last.line;
  checkField(name, value);
  const line = `${name}: ${value}\r\n`;
  if (last !== undefined && value.length <= LONGEST_REMEMBERED) {
    last.value = value;
    last.line = line;
  }
  return line;
}

/** @throws what Node throws for a malformed field. */
export function checkField(name: string, value: string): void {
  if (!goodNames.has(name)) {
    validateHeaderName(name);
    if (goodNames.size >= MOST_REMEMBERED) goodNames.clear();
    goodNames.set(name, { value: "", line: `${name}: \r\n` });
  }
  checkValue(name, value);
}

/** Node judges whatever is not certainly good. */
function checkValue(name: string, value: string): void {
  if (typeof value !== "string" || SUSPECT.test(value)) validateHeaderValue(name, value);
}

const SUSPECT = /[^\t\x20-\x7e\x80-\xff]/;
