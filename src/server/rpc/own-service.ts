import type { HttpRequest } from "../../http/message.ts";

/** A service of the server's own: messages in, messages out. */
export interface OwnService {
  /** Answers each message that comes; the stream ends when the caller's does, unless it goes on by itself. */
  call(method: string, messages: AsyncIterable<Buffer>, caller: HttpRequest): AsyncIterable<Buffer> | undefined;
}
