import { PassThrough, pipeline, Readable } from "node:stream";
import type { Log } from "../api/source.ts";
import type { HttpReply, HttpRequest } from "../http/message.ts";

/** A reply as the Fetch standard has it. */
export function toWebResponse({ method }: HttpRequest, reply: HttpReply, log: Log): Response {
  const { status, statusText, body } = reply;
  const headers = new Headers();
  for (const [name, value] of Object.entries(reply.headers)) {
    for (const each of typeof value === "string" ? [value] : value) headers.append(name, each);
  }
  const options = statusText === undefined ? { status, headers } : { status, statusText, headers };
  const isEmpty = method === "HEAD" || status === 204 || status === 205 || status === 304;
  if (isEmpty || body === undefined) {
    if (body instanceof Readable) body.on("error", ignore).destroy();
    return new Response(null, options);
  }
  if (!(body instanceof Readable)) return new Response(body as Uint8Array<ArrayBuffer>, options);
  const bytes = body.readableObjectMode ? pipeline(body, new PassThrough(), ignore) : body;
  bytes.on("error", (error) => log.error({ err: error, method }, "reply broke off"));
  return new Response(Readable.toWeb(bytes) as ReadableStream, options);
}

function ignore(): void {}
