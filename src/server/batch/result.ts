import { Readable } from "node:stream";
import { HotpathError } from "../../errors.ts";
import type { HttpReply } from "../../http/message.ts";
import { toProblem } from "../../http/problem.ts";

/**
 * One result of a batch as one line of JSON: `{ "id", "status", "headers", "body" }`. JSON is put in as it came, digits and all;
 * other texts become JSON texts; what is no text, base64 with `"encoding": "base64"`.
 */
export async function toResult(id: string | number | undefined, reply: HttpReply, maxBytes: number): Promise<string> {
  const head = `{${id === undefined ? "" : `"id":${JSON.stringify(id)},`}"status":`;
  let bytes: Buffer | undefined;
  try {
    bytes = await readBody(reply.body, maxBytes);
  } catch (error) {
    const known = error instanceof HotpathError ? error : new HotpathError("HP_INTERNAL", "The reply broke off.");
    return `${head}${known.status},"headers":{"content-type":"application/problem+json"},"body":${JSON.stringify(toProblem(known))}}`;
  }
  const { "content-length": _length, ...headers } = reply.headers;
  return `${head}${reply.status},"headers":${JSON.stringify(headers)},${toJson(bytes, String(headers["content-type"] ?? ""))}}`;
}

function toJson(bytes: Buffer | undefined, type: string): string {
  if (bytes === undefined || bytes.length === 0) return '"body":null';
  const json = /^application\/(?:[\w.-]+\+)?json\b/i.test(type) ? toLine(bytes.toString("utf8")) : undefined;
  if (json !== undefined) return `"body":${json}`;
  if (/^text\/|json|charset=/i.test(type)) return `"body":${JSON.stringify(bytes.toString("utf8"))}`;
  return `"encoding":"base64","body":"${bytes.toString("base64")}"`;
}

/** In JSON a line break is white space. What an upstream only calls JSON must not break the JSON around it. */
function toLine(text: string): string | undefined {
  try {
    JSON.parse(text);
  } catch {
    return undefined;
  }
  return text.replaceAll(/[\r\n]/g, "");
}

async function readBody(body: HttpReply["body"], maxBytes: number): Promise<Buffer | undefined> {
  if (body === undefined) return undefined;
  if (!(body instanceof Readable)) {
    const bytes =
      typeof body === "string" ? Buffer.from(body) : Buffer.from(body.buffer, body.byteOffset, body.byteLength);
    if (bytes.length > maxBytes) throw tooLarge(maxBytes);
    return bytes;
  }
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of body) {
    const bytes = Buffer.from(chunk as Buffer | string);
    length += bytes.length;
    // Leaving the loop destroys the stream.
    if (length > maxBytes) throw tooLarge(maxBytes);
    chunks.push(bytes);
  }
  return Buffer.concat(chunks);
}

function tooLarge(maxBytes: number): HotpathError {
  return new HotpathError("HP_BATCH_REPLY_TOO_LARGE", `The reply has more than ${maxBytes} bytes; ask for it alone.`);
}
