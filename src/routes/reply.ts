import type { Readable } from "node:stream";
import type { ReplyHeaders } from "../http/message.ts";

/** How a handler's reply differs from 200 with JSON. */
export interface ReplyOptions {
  readonly status?: number | undefined;
  /** Names in lower case. */
  readonly headers?: Readonly<ReplyHeaders> | undefined;
  /** When what is answered was last changed: sent as `Last-Modified`. */
  readonly modified?: Date | undefined;
}

/** A value with a status and header fields of its own. */
export class ValueReply<Value> {
  readonly value: Value;
  readonly options: ReplyOptions;

  constructor(value: Value, options: ReplyOptions) {
    this.value = value;
    this.options = options;
  }
}

/** Content that is no JSON, or is made as it is sent. */
export class ContentReply {
  readonly body: string | Uint8Array | Readable;
  readonly type: string;
  readonly options: ReplyOptions;
  /** What has to be done before the reply may begin, and may fail. */
  readonly begin: (() => Promise<void>) | undefined;

  constructor(body: string | Uint8Array | Readable, type: string, options: ReplyOptions, begin?: () => Promise<void>) {
    this.body = body;
    this.type = type;
    this.options = options;
    this.begin = begin;
  }
}

/** Answers a value as JSON with a status and header fields of its own: `reply(order, { status: 201 })`. */
export function reply<Value>(value: Value, options: ReplyOptions): ValueReply<Value> {
  return new ValueReply(value, options);
}

/**
 * Answers other content than JSON: a text, bytes, or a stream, which is destroyed when the client leaves.
 *
 * @param type its media type
 */
export function content(body: string | Uint8Array | Readable, type: string, options: ReplyOptions = {}): ContentReply {
  return new ContentReply(body, type, options);
}
