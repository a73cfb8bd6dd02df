import assert from "node:assert/strict";
import test, { type TestContext } from "node:test";
import { MAX_REPLIES_PER_KEY } from "../../src/cache/replies.ts";
import type { CacheStore, StoredReply } from "../../src/cache/store.ts";
import { bytesOf, makeReply } from "./replies.ts";

/** What every implementation of `CacheStore` does; `open` makes an empty one, or skips the test. */
export function testStoreContract(name: string, open: (t: TestContext) => Promise<CacheStore | undefined>): void {
  function testStore(title: string, run: (store: CacheStore) => Promise<void>): void {
    test(`${name}: ${title}`, async (t) => {
      const store = await open(t);
      if (store !== undefined) await run(store);
    });
  }

  testStore("an absent key has no replies", async (store) => {
    assert.equal(await store.get("absent"), undefined);
  });

  testStore("a reply comes back as it was put, binary content included", async (store) => {
    const reply = makeReply({
      status: 206,
      body: Uint8Array.from({ length: 70_000 }, (_, at) => at * 7),
      headers: { "content-type": "image/png", "set-cookie": ["a=1", "b=2"], "x-empty": "", "x-latin": "caf\u00e9" },
      vary: [
        ["accept", "image/*"],
        ["accept-language", null],
      ],
      range: { first: 0, last: 69_999, size: 100_000 },
      tags: ["images", "größe"],
    });
    await store.put("https://example.org/a?b=c d", reply);
    assertReplies(await store.get("https://example.org/a?b=c d"), [{ ...reply, status: 206 }]);
  });

  testStore("a status text and an empty body survive", async (store) => {
    const reply = { ...makeReply({ body: "" }), statusText: "Fine" };
    await store.put("a", reply);
    assertReplies(await store.get("a"), [reply]);
  });

  testStore("variants of a key stand side by side, the one received last first", async (store) => {
    const nowMs = Date.now();
    const variant = (language: string, ageMs: number): StoredReply => ({
      ...makeReply({ body: language, vary: [["accept-language", language]] }),
      receivedAtMs: nowMs - ageMs,
    });
    await store.put("a", variant("de", 20));
    await store.put("a", variant("en", 10));
    await store.put("a", variant("fr", 30));
    assertReplies(await store.get("a"), [variant("en", 10), variant("de", 20), variant("fr", 30)], "content");
  });

  testStore("a reply takes the place of one of the same variant and range only", async (store) => {
    const nowMs = Date.now();
    const range = { first: 0, last: 1, size: 9 };
    const put = (body: string, shape: Partial<StoredReply>, at: number): void | Promise<void> =>
      store.put("a", { ...makeReply({ body }), ...shape, receivedAtMs: nowMs + at });
    await put("old", {}, 0);
    await put("part", { range }, 1);
    await put("other part", { range: { ...range, last: 2 } }, 2);
    await put("varied", { vary: [["accept", null]] }, 3);
    await put("new", {}, 4);
    await put("new part", { range }, 5);
    assert.deepEqual(contents(await store.get("a")), ["new part", "new", "varied", "other part"]);
  });

  testStore(`a key holds ${MAX_REPLIES_PER_KEY} replies, the ones received last`, async (store) => {
    const nowMs = Date.now();
    for (let at = 0; at < MAX_REPLIES_PER_KEY + 5; at++) {
      const reply = makeReply({ body: String(at), vary: [["accept", String(at)]] });
      await store.put("a", { ...reply, receivedAtMs: nowMs + at });
    }
    const found = contents(await store.get("a"));
    assert.equal(found.length, MAX_REPLIES_PER_KEY);
    assert.equal(found[0], String(MAX_REPLIES_PER_KEY + 4));
    assert.equal(found.at(-1), "5");
  });

  testStore("an expired reply is not answered, and others of its key are", async (store) => {
    await store.put("a", makeReply({ body: "past", keepForMs: -1 }));
    assert.equal(await store.get("a"), undefined);
    await store.put("a", makeReply({ body: "soon over", keepForMs: 30, vary: [["accept", "a"]] }));
    await store.put("a", makeReply({ body: "kept", vary: [["accept", "b"]] }));
    const endsAt = Date.now() + 31;
    while (Date.now() < endsAt) await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(contents(await store.get("a")), ["kept"]);
  });

  testStore("a key is purged, with all its variants, and no other", async (store) => {
    await store.put("a", makeReply({ vary: [["accept", "a"]] }));
    await store.put("a", makeReply({ vary: [["accept", "b"]] }));
    await store.put("b", makeReply());
    await store.purge({ kind: "key", key: "a" });
    await store.purge({ kind: "key", key: "absent" });
    assert.equal(await store.get("a"), undefined);
    assert.ok(await store.get("b"));
  });

  testStore("tags purge every key that carries one of them, and no other", async (store) => {
    for (let at = 0; at < 60; at++) {
      await store.put(`key ${at}`, makeReply({ tags: [`half:${at % 2}`, `third:${at % 3}`, "all of them"] }));
    }
    await store.purge({ kind: "tags", tags: ["half:0", "third:0", "unknown"] });
    for (let at = 0; at < 60; at++) {
      assert.equal((await store.get(`key ${at}`)) === undefined, at % 2 === 0 || at % 3 === 0, `key ${at}`);
    }
  });

  testStore("everything is purged at once", async (store) => {
    await store.put("a", makeReply());
    await store.put("b", makeReply({ tags: ["t"] }));
    await store.purge({ kind: "all" });
    assert.equal(await store.get("a"), undefined);
    assert.equal(await store.get("b"), undefined);
  });

  for (const selector of [{ kind: "key", key: "a" }, { kind: "tags", tags: ["t"] }, { kind: "all" }] as const) {
    testStore(`what was asked for before a purge of ${selector.kind} is not stored after it`, async (store) => {
      const before = makeReply({ tags: ["t"], nowMs: Date.now() - 20 });
      await store.purge(selector);
      await store.put("a", before);
      assert.equal(await store.get("a"), undefined);
      const endsAt = Date.now() + 2;
      while (Date.now() < endsAt) await new Promise((resolve) => setImmediate(resolve));
      await store.put("a", makeReply({ tags: ["t"] }));
      assert.ok(await store.get("a"), "what was asked for after it is");
    });
  }

  testStore("keys and tags of any length and any characters are told apart", async (store) => {
    const long = "x".repeat(5000);
    const keys = [long, `${long}y`, "{a}", "{b}", "ü", "u\u0308", "a b\r\nc", "#", "", "\0", "%00"];
    for (const key of keys) await store.put(key, makeReply({ body: JSON.stringify(key), tags: [key.slice(0, 256)] }));
    for (const key of keys) assert.deepEqual(contents(await store.get(key)), [JSON.stringify(key)]);
    await store.purge({ kind: "tags", tags: ["{a}"] });
    assert.equal(await store.get("{a}"), undefined);
    assert.ok(await store.get("{b}"));
  });

  testStore("many calls at once each get their own answer", async (store) => {
    const keys = Array.from({ length: 300 }, (_, at) => `key ${at}`);
    // Asked for at one time: Memcached makes its marks with the first write that arrives, and takes nothing older than they are.
    const nowMs = Date.now();
    await Promise.all(keys.map(async (key) => store.put(key, makeReply({ body: key, nowMs }))));
    const found = await Promise.all(keys.map(async (key) => store.get(key)));
    assert.deepEqual(
      found.map(contents),
      keys.map((key) => [key]),
    );
  });
}

/** The texts of the replies' bodies. */
export function contents(replies: readonly StoredReply[] | undefined): string[] {
  return (replies ?? []).map(({ body }) => Buffer.from(body).toString());
}

function assertReplies(
  actual: readonly StoredReply[] | undefined,
  expected: readonly StoredReply[],
  what: "everything" | "content" = "everything",
): void {
  if (what === "content") {
    assert.deepEqual(contents(actual), contents(expected));
    return;
  }
  assert.deepEqual(actual?.map(withBytes), expected.map(withBytes));
}

function withBytes(reply: StoredReply): object {
  return { ...reply, body: bytesOf(reply.body) };
}
