import assert from "node:assert/strict";
import { Readable } from "node:stream";
import type { HttpReply, HttpRequest } from "../../src/http/message.ts";
import { createRepresent, REPRESENT_DEFAULTS } from "../../src/server/represent.ts";

export const represent = createRepresent(REPRESENT_DEFAULTS);
export const ROWS = JSON.stringify(Array.from({ length: 200 }, (_, id) => ({ id, name: `user ${id}` })));
/** The codings that browsers take. */
export const BROWSER = "gzip, deflate, br, zstd";

export function get(headers: Record<string, string> = {}, method = "GET"): HttpRequest {
  return {
    method,
    target: "/",
    path: "/",
    query: "",
    headers,
    httpVersion: "1.1",
    scheme: "http",
    authority: "localhost",
    remoteAddress: "127.0.0.1",
    signal: new AbortController().signal,
    body: Readable.from([]),
  };
}

export function json(body: string, more: Partial<HttpReply> = {}, headers: Record<string, string> = {}): HttpReply {
  return { status: 200, body, ...more, headers: { "content-type": "application/json", ...headers } };
}

export function now(request: HttpRequest, reply: HttpReply): HttpReply {
  const sent = represent(request, reply);
  assert.ok(!(sent instanceof Promise), "the reply must come at once");
  return sent;
}
