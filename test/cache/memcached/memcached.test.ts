import assert from "node:assert/strict";
import test from "node:test";
import * as fc from "fast-check";
import { decodeEntry, encodeEntry } from "../../../src/cache/memcached/entry.ts";
import { openMemcachedTier } from "../../../src/cache/memcached/index.ts";
import { createReplyParser, type MetaReply } from "../../../src/cache/memcached/reply-parser.ts";
import { createServerChoice } from "../../../src/cache/memcached/server-choice.ts";
import { createMemoryStore } from "../../../src/cache/memory/index.ts";
import { createTieredStore } from "../../../src/cache/tiers/index.ts";
import { HotpathError } from "../../../src/errors.ts";
import { defer } from "../../support/defer.ts";
import { startMemcached } from "../../support/memcached.ts";
import { startFaultProxy } from "../../support/fault-proxy.ts";
import { contents } from "../contract.ts";
import { until } from "../nodes.ts";
import { makeReply } from "../replies.ts";

test("replies are the same however the connection cuts them", () => {
  const value = fc.uint8Array({ maxLength: 50 }).map((bytes) => Buffer.from(bytes));
  const reply = fc.oneof(
    fc.constantFrom("HD", "EN", "NF", "EX").map((code) => ({ code, flags: ["c12"] })),
    value.map((bytes) => ({ code: "VA", flags: ["c34", "t0"], value: bytes })),
  );
  fc.assert(
    fc.property(fc.array(reply, { maxLength: 8 }), fc.array(fc.integer({ min: 1, max: 20 })), (replies, cuts) => {
      const bytes = Buffer.concat(replies.map(write));
      const told: MetaReply[] = [];
      const parser = createReplyParser((each) => told.push(each));
      let at = 0;
      for (const size of [...cuts, bytes.length]) {
        assert.ok(parser.write(bytes.subarray(at, at + size)));
        at += size;
      }
      assert.deepEqual(told, replies);
    }),
  );
});

test("what is no reply ends the connection and allocates nothing", () => {
  for (const text of ["VA x c1\r\n", "VA -1\r\n", "VA 99999999999\r\n", "VA 1\r\nabc", "x".repeat(5000)]) {
    assert.equal(createReplyParser(() => undefined).write(Buffer.from(text)), false, text.slice(0, 20));
  }
});

test("an entry that lost or changed bytes has no replies that were not written", () => {
  const entry = { purgedAt: 17, marks: { t: "1" }, replies: [makeReply({ body: "one" }), makeReply({ body: "two" })] };
  const bytes = encodeEntry(entry);
  assert.deepEqual(contents(decodeEntry(bytes)?.replies), ["one", "two"]);
  for (let at = 0; at < bytes.length; at++) {
    const changed = Buffer.from(bytes);
    changed[at]! ^= 0x55;
    for (const damaged of [changed, bytes.subarray(0, at)]) {
      for (const text of contents(decodeEntry(damaged)?.replies)) assert.ok(text === "one" || text === "two");
    }
  }
});

test("a server less moves only the names that were on it", () => {
  const before = createServerChoice(["a:1", "b:1", "c:1"]);
  const after = createServerChoice(["a:1", "b:1"]);
  const names = Array.from({ length: 3000 }, (_, at) => `name ${at}`);
  for (const name of names) if (before(name) < 2) assert.equal(after(name), before(name));
  for (const server of [0, 1, 2]) assert.ok(names.filter((name) => before(name) === server).length > 800);
});

test("servers are host and port", () => {
  for (const server of ["a b", "host:99999", "host:0", "http://host", "::1"]) {
    assert.throws(() => openMemcachedTier({ servers: [server] }), HotpathError, server);
  }
});

test("Memcached cut off and back: memory answers meanwhile, then it is used again", async (t) => {
  const server = await startMemcached(t);
  if (server === undefined) return;
  const relay = await startFaultProxy(t, Number(server.split(":")[1]));
  const remote = openMemcachedTier({ servers: [`127.0.0.1:${relay.port}`] });
  await remote.ready(2000);
  const store = createTieredStore({ memory: createMemoryStore({ maxBytes: 1e7 }), remote, recheckMs: 0 });
  defer(t, () => store.close());
  store.put("a", makeReply({ body: "kept" }));
  await store.settled("a");
  relay.cut();
  for (let turn = 0; turn < 20; turn++) assert.deepEqual(contents(await store.get("a")), ["kept"]);
  assert.notEqual(store.remoteStats().state, "closed");
  relay.heal();
  const { written } = store.remoteStats();
  await until(() => {
    store.put("b", makeReply());
    return store.remoteStats().written > written;
  }, "it is written to again");
});

function write({ code, flags, value }: MetaReply): Buffer {
  if (value === undefined) return Buffer.from(`${[code, ...flags].join(" ")}\r\n`);
  return Buffer.concat([Buffer.from(`${code} ${value.length} ${flags.join(" ")}\r\n`), value, Buffer.from("\r\n")]);
}
