import type { OpenedCache } from "./open-cache.ts";

import type { RememberedValue, SourceCache, SourceReply } from "../api/source.ts";
import type { SourceRequest } from "../api/source-request.ts";
import { RememberedRequest } from "./remembered-request.ts";

/** Lends a source the cache in front of it. */
export function createSourceCache(cache: Pick<OpenedCache, "purge" | "recall" | "nodes">): SourceCache {
  return {
    async purge(tags) {
      if (tags.length > 0) await cache.purge({ kind: "tags", tags });
    },
    nodes: cache.nodes,
    async remember(key, identity, compute) {
      let failure: { readonly error: unknown } | undefined;
      const resolve = async (_request: SourceRequest): Promise<SourceReply> => {
        try {
          const { value, tags, ttlMs } = await compute();
          // What is made of a value depends on what that was made of.
          const body = JSON.stringify({ value: value ?? null, tags });
          return { status: 200, headers: {}, body, cache: { freshForMs: ttlMs, tags, identity } };
        } catch (error) {
          // As a reply, so that the cache treats it like any source's failure.
          failure = { error };
          return { status: 500, headers: { "cache-control": "no-store" }, body: "" };
        }
      };
      const reply = await cache.recall(new RememberedRequest(key), resolve, identity);
      if (reply.status === 200 && reply.body !== undefined) {
        return JSON.parse(textOf(reply.body)) as Omit<RememberedValue, "ttlMs">;
      }
      throw failure?.error ?? new Error("a remembered value could not be had");
    },
  };
}

function textOf(body: SourceReply["body"]): string {
  if (typeof body === "string") return body;
  if (body instanceof Uint8Array) return Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString();
  throw new TypeError("a remembered value is never a stream");
}
