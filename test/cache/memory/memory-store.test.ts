import assert from "node:assert/strict";
import test from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { array, assert as check, constantFrom, integer, property, record } from "fast-check";
import { createMemoryStore } from "../../../src/cache/memory/index.ts";
import { bytesOf, makeReply } from "../replies.ts";

const START_MS = 1_700_000_000_000;

test("what it holds never exceeds its bound, whatever is put and purged", () => {
  const command = record({
    kind: constantFrom("put", "put", "put", "get", "tags", "key", "wait"),
    key: integer({ min: 0, max: 40 }),
    size: integer({ min: 0, max: 12_000 }),
    variant: integer({ min: 0, max: 3 }),
    tag: integer({ min: 0, max: 5 }),
  });
  check(
    property(array(command, { maxLength: 300 }), (commands) => {
      let nowMs = START_MS;
      const store = createMemoryStore({ maxBytes: 60_000, clock: () => nowMs });
      const stored = new Map<string, Set<string>>();
      for (const { kind, key, size, variant, tag } of commands) {
        const name = `key ${key}`;
        if (kind === "put") {
          const body = Buffer.alloc(size, variant);
          const tags = [`tag ${tag}`];
          const vary = [["accept", String(variant)]] as const;
          store.put(name, makeReply({ nowMs, body, tags, vary, keepForMs: 1000 * (1 + variant) }));
          if (stored.has(name)) stored.get(name)?.add(`tag ${tag}`);
          else stored.set(name, new Set(tags));
        } else if (kind === "get") {
          for (const reply of store.get(name) ?? []) {
            assert.ok(reply.keepUntilMs > nowMs);
            assert.ok(stored.get(name)?.has(reply.tags[0] ?? ""), "it was purged");
          }
        } else if (kind === "tags") {
          store.purge({ kind: "tags", tags: [`tag ${tag}`] });
          for (const [other] of stored) {
            const replies = store.get(other) ?? [];
            assert.ok(replies.every((reply) => reply.tags[0] !== `tag ${tag}`));
          }
          nowMs += 1;
        } else if (kind === "key") {
          store.purge({ kind: "key", key: name });
          stored.delete(name);
          assert.equal(store.get(name), undefined);
          nowMs += 1;
        } else nowMs += size / 10;
        const { bytes, maxBytes } = store.stats();
        assert.ok(bytes <= maxBytes, `${bytes} bytes`);
      }
      store.purge({ kind: "all" });
      assert.equal(store.stats().entries, 0);
    }),
  );
});

test("the bytes it counts are those the process uses", () => {
  const collect = exposeGarbageCollection();
  // Kept until the end: what one measurement frees must not be taken off the next.
  const kept: unknown[] = [];
  for (const bodyBytes of [0, 300, 10_000]) {
    const count = bodyBytes > 1000 ? 2000 : 10_000;
    const store = createMemoryStore({ maxBytes: 1e9 });
    kept.push(store);
    collect();
    const before = usedBytes();
    for (let at = 0; at < count; at++) store.put(`https://example.org/items/${at}`, realisticReply(at, bodyBytes));
    collect();
    const ratio = (usedBytes() - before) / store.stats().bytes;
    assert.ok(ratio > 0.6 && ratio < 1.3, `${bodyBytes} bytes: uses ${ratio.toFixed(2)} of what it counts`);
  }
  assert.equal(kept.length, 3);
});

test("a body that is a view of a large buffer keeps only its own bytes alive", () => {
  const store = createMemoryStore({ maxBytes: 1e6 });
  const chunk = Buffer.alloc(64 * 1024, 7);
  store.put("a", makeReply({ body: chunk.subarray(100, 300) }));
  const body = store.get("a")?.[0]?.body;
  assert.equal(bytesOf(body), bytesOf(chunk.subarray(100, 300)));
  assert.equal(body?.buffer.byteLength, 200);
});

test("an entry too large is not stored, takes its predecessor away and pushes nothing else out", () => {
  const store = createMemoryStore({ maxBytes: 100_000 });
  store.put("small", makeReply({ body: Buffer.alloc(1000) }));
  store.put("large", makeReply({ body: Buffer.alloc(1000) }));
  store.put("large", makeReply({ body: Buffer.alloc(20_000) }));
  assert.equal(store.get("large"), undefined);
  assert.ok(store.get("small"));
  assert.equal(store.stats().evictions, 0);
});

test("expired entries that nobody asks for go as others come", () => {
  let nowMs = START_MS;
  const store = createMemoryStore({ maxBytes: 1e7, clock: () => nowMs });
  for (let at = 0; at < 100; at++) store.put(`old ${at}`, makeReply({ nowMs, keepForMs: 1000 }));
  nowMs += 1000;
  for (let at = 0; at < 110; at++) store.put("new", makeReply({ nowMs, keepForMs: 1000 }));
  assert.equal(store.stats().entries, 1);
});

test("a scan of pages asked for once does not push out what is asked for often", () => {
  const store = createMemoryStore({ maxBytes: 1e6 });
  const body = Buffer.alloc(1000);
  const hot = Array.from({ length: 200 }, (_, at) => `hot ${at}`);
  for (const key of hot) store.put(key, makeReply({ body }));
  for (const key of hot) store.get(key);
  for (let at = 0; at < 10_000; at++) store.put(`scanned ${at}`, makeReply({ body }));
  assert.equal(hot.filter((key) => store.get(key) !== undefined).length, hot.length);
});

function realisticReply(at: number, bodyBytes: number) {
  return makeReply({
    body: Buffer.alloc(bodyBytes, at),
    headers: {
      "content-type": "application/json; charset=utf-8",
      etag: `"${at}-0123456789abcdef"`,
      "last-modified": `Sun, 06 Nov 1994 08:49:${at % 60} GMT`,
      date: `Mon, 07 Nov 1994 08:49:${at % 60} GMT`,
      "cache-control": `max-age=${at}`,
    },
    tags: [`items:${at}`, "items"],
  });
}

function exposeGarbageCollection(): () => void {
  setFlagsFromString("--expose-gc");
  return runInNewContext("gc") as () => void;
}

function usedBytes(): number {
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}
