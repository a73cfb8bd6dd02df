import type { Procedure } from "../../api/procedures.ts";
import type { HttpReply, HttpRequest, ReplyHeaders } from "../../http/message.ts";
import type { CallResult } from "./call.ts";
import type { MessageStream } from "./rows.ts";

/** How calls are read and answered. */
export interface Protocol {
  /** The message of a call that takes one. */
  readOne(request: HttpRequest, procedure: Procedure, maxBytes: number): Promise<Buffer>;
  /** Messages of one of the server's own services, as they come. */
  readAll(request: HttpRequest, maxBytes: number): AsyncIterable<Buffer>;
  unary(result: CallResult, procedure: Procedure | undefined): HttpReply | Promise<HttpReply>;
  stream(rows: MessageStream, headers: ReplyHeaders, procedure: Procedure): HttpReply | Promise<HttpReply>;
  /** What one of the server's own services answers. */
  own(messages: AsyncIterable<Buffer>, isStream: boolean): HttpReply | Promise<HttpReply>;
}
