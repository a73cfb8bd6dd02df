import type { Readable } from "node:stream";
import type { HttpRequest } from "../http/message.ts";

/** The content of a request on its way to an upstream. */
export interface ForwardedBody {
  /** A buffer can be sent again, a stream cannot; `null`: none. */
  readonly content: Buffer | Readable | null;
  /** As the client stated it, or as it was counted; `undefined`: unknown, or none. */
  readonly length: number | undefined;
}

/** Of a request without content. */
export const NO_BODY: ForwardedBody = { content: null, length: undefined };

/**
 * Takes a request's content: collected when it states a length up to `bufferBytes`, so that it can be sent again and a slow
 * client holds no connection to the upstream, else as a stream.
 *
 * Rejects as the stream does: when the client leaves, or sends more than the listener allows.
 */
export async function takeBody(request: HttpRequest, bufferBytes: number): Promise<ForwardedBody> {
  const stated = request.headers["content-length"];
  const length =
    stated === undefined || request.headers["transfer-encoding"] !== undefined ? undefined : Number(stated);
  if (length === undefined || length > bufferBytes) return { content: request.body, length };
  const chunks: Buffer[] = [];
  for await (const chunk of request.body) chunks.push(chunk as Buffer);
  const content = Buffer.concat(chunks);
  return { content, length: content.length };
}
