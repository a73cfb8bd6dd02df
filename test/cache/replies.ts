import { hash } from "node:crypto";
import type { StoredReply } from "../../src/cache/store.ts";

/** What a test says of a reply; the rest is filled in. */
export interface ReplyShape {
  readonly nowMs?: number;
  readonly keepForMs?: number;
  readonly status?: number;
  readonly body?: Uint8Array | string;
  readonly headers?: StoredReply["headers"];
  readonly vary?: StoredReply["vary"];
  readonly range?: StoredReply["range"];
  readonly tags?: readonly string[];
}

/** A reply that was asked for and received now and is kept for a minute. */
export function makeReply(shape: ReplyShape = {}): StoredReply {
  const { nowMs = Date.now(), keepForMs = 60_000, body = "content", range } = shape;
  return {
    status: shape.status ?? 200,
    headers: shape.headers ?? { "content-type": "text/plain" },
    body: typeof body === "string" ? Buffer.from(body) : body,
    requestedAtMs: nowMs,
    receivedAtMs: nowMs,
    vary: shape.vary ?? [],
    tags: shape.tags ?? [],
    keepUntilMs: nowMs + keepForMs,
    ...(range === undefined ? {} : { range }),
  };
}

/** Content in a form that `equal` compares and shows quickly, whatever view it came as. */
export function bytesOf(body: Uint8Array | undefined): string | undefined {
  return body && (body.length > 100 ? hash("sha256", body) : Buffer.from(body).toString("hex"));
}
