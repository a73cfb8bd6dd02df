import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { HttpReply } from "../../../src/http/message.ts";
import { createBench, reply, settle, START_MS, stream, textOf } from "./harness.ts";

const MINUTE = { "cache-control": "max-age=60" };

describe("a fresh reply", () => {
  it("is given again without asking, with its age and what the cache did", async () => {
    const bench = createBench();
    bench.answer = () => reply("one", { ...MINUTE, etag: '"1"' });
    const first = await bench.get("/a");
    assert.equal(first.headers["cache-status"], "hotpath; fwd=uri-miss; stored");
    bench.nowMs += 10_500;
    const second = await bench.get("/a");
    assert.equal(bench.asked.length, 1);
    assert.equal(second.text, "one");
    assert.equal(second.headers["age"], "10");
    assert.equal(second.headers["cache-status"], "hotpath; hit; ttl=50");
    assert.equal(second.headers["etag"], '"1"');
  });

  it("answers at once, without a promise", async () => {
    const bench = createBench();
    bench.answer = () => reply("one", MINUTE);
    await bench.get("/a");
    const request = bench.asked[0];
    assert.ok(request !== undefined);
    const recall = (): HttpReply => {
      const hit = bench.engine.recall(request, () => assert.fail("asked"));
      assert.ok(!(hit instanceof Promise));
      return hit;
    };
    // What comes once a second is not worth repeating.
    assert.equal(recall().memo, undefined);
    assert.equal(recall().memo, undefined);
    const memo = Array.from({ length: 3 }, recall).at(-1)?.memo;
    assert.ok(memo?.isCurrent() === true && memo.untilMs <= bench.nowMs + 1000);
    bench.nowMs += 1000;
    assert.equal(recall().memo, undefined);
    await bench.engine.purgeUrl("http://api.example/a");
    assert.ok(!memo.isCurrent());
  });

  it("is not used for another query, host or identity", async () => {
    const bench = createBench();
    let count = 0;
    bench.answer = () => reply(String(++count), MINUTE);
    await bench.get("/a?x=1");
    assert.equal((await bench.get("/a?x=2")).text, "2");
    assert.equal((await bench.get("/a?x=1", {}, { identity: "ann" })).text, "3");
    assert.equal((await bench.get("/a?x=1", {}, { identity: "bob" })).text, "4");
    assert.equal((await bench.get("/a?x=1", {}, { identity: "ann" })).text, "3");
    assert.equal((await bench.get("/a?x=1")).text, "1");
  });

  it("serves HEAD, too", async () => {
    const bench = createBench();
    bench.answer = () => reply("one", MINUTE);
    await bench.get("/a");
    assert.equal((await bench.ask("/a", {}, { method: "HEAD" })).headers["age"], "0");
    assert.equal(bench.asked.length, 1);
  });
});

describe("what is never shared", () => {
  const cases: Record<string, [Record<string, string>, Record<string, string>]> = {
    private: [{}, { "cache-control": "private, max-age=60" }],
    "no-store": [{}, { "cache-control": "no-store, max-age=60" }],
    "a reply to Authorization": [{ authorization: "Bearer ann" }, MINUTE],
    "a cookie": [{}, { ...MINUTE, "set-cookie": "session=ann" }],
    "a reply that says nothing": [{}, {}],
    "a guess at freshness for someone with a cookie": [
      { cookie: "session=ann" },
      { "last-modified": "Mon, 01 Jan 2024 00:00:00 GMT" },
    ],
    "Vary: *": [{}, { ...MINUTE, vary: "*" }],
  };
  for (const [name, [asked, answered]] of Object.entries(cases)) {
    it(name, async () => {
      const bench = createBench();
      bench.answer = ({ headers }) => reply(headers.authorization ?? headers.cookie ?? "nobody", answered);
      await bench.get("/a", asked);
      assert.equal((await bench.get("/a")).text, "nobody");
      assert.equal(bench.asked.length, 2);
    });
  }

  it("is what one identity was answered, although a source says for whom it is", async () => {
    const bench = createBench();
    bench.answer = () => ({ ...reply("for ann"), cache: { freshForMs: 60_000, identity: "ann" } });
    await bench.get("/a", {}, { identity: "bob" });
    await bench.get("/a", {}, { identity: "bob" });
    assert.equal(bench.asked.length, 2);
    await bench.get("/a", {}, { identity: "ann" });
    await bench.get("/a", {}, { identity: "ann" });
    assert.equal(bench.asked.length, 3);
  });

  it("is the reply to a GET that brings content or names another method", async () => {
    for (const headers of [{ "content-length": "5" }, { "x-http-method-override": "DELETE" }]) {
      const bench = createBench();
      bench.answer = () => reply("poison", MINUTE);
      await bench.get("/a", headers);
      bench.answer = () => reply("sound", MINUTE);
      assert.equal((await bench.get("/a")).text, "sound");
      bench.answer = () => reply("for this request", MINUTE);
      assert.equal((await bench.get("/a", headers)).text, "for this request");
    }
  });

  it("is, the other way round, a reply to nobody that whoever shows who they are gets one of their own in place of", async () => {
    const bench = createBench();
    bench.answer = ({ headers }) => reply(headers.authorization ?? "nobody", MINUTE);
    await bench.get("/a");
    assert.equal((await bench.get("/a", { authorization: "ann" })).text, "ann");
  });

  it("is shared where the reply says that it may be", async () => {
    for (const said of ["public, max-age=60", "s-maxage=60"]) {
      const bench = createBench();
      bench.answer = () => reply("all", { "cache-control": said, "set-cookie": "a=b" });
      await bench.get("/a", { authorization: "Bearer ann" });
      await bench.get("/a", { authorization: "Bearer bob" });
      await bench.get("/a");
      assert.equal(bench.asked.length, 1, said);
    }
  });
});

describe("a source's hints", () => {
  it("say what the cache may do, and clients see nothing of them", async () => {
    const bench = createBench();
    bench.answer = () => ({
      ...reply("rows", { "cache-control": "no-cache" }),
      cache: { freshForMs: 1500, tags: ["users"] },
      route: "/users",
    });
    await bench.get("/users?id=1");
    bench.nowMs += 1400;
    const hit = await bench.ask("/users?id=1");
    assert.equal(bench.asked.length, 1);
    assert.equal(hit.route, "/users");
    assert.deepEqual(Object.keys(hit.headers).sort(), ["age", "cache-control", "cache-status", "content-type", "date"]);
    bench.nowMs += 200;
    await bench.get("/users?id=1");
    assert.equal(bench.asked.length, 2);
    assert.equal(await bench.engine.purge({ kind: "tags", tags: ["users"] }), 1);
    await bench.get("/users?id=1");
    assert.equal(bench.asked.length, 3);
  });
});

describe("validation", () => {
  it("makes a stale reply fresh again, with the fields of the 304", async () => {
    const bench = createBench();
    bench.answer = () => reply("one", { ...MINUTE, etag: '"1"', "x-old": "kept" });
    await bench.get("/a");
    bench.nowMs += 61_000;
    bench.answer = () => reply(undefined, { "cache-control": "max-age=120", etag: '"1"', "x-new": "here" }, 304);
    const confirmed = await bench.get("/a", { "if-none-match": '"other"' });
    assert.equal(bench.asked[1]?.headers["if-none-match"], '"1"');
    assert.equal(confirmed.status, 200);
    assert.equal(confirmed.text, "one");
    assert.equal(confirmed.headers["cache-status"], "hotpath; fwd=stale; fwd-status=304; stored");
    bench.nowMs += 100_000;
    const hit = await bench.get("/a");
    assert.equal(bench.asked.length, 2);
    assert.equal(hit.headers["x-old"], "kept");
    assert.equal(hit.headers["x-new"], "here");
  });

  it("gives a cookie of the 304 to its client alone", async () => {
    const bench = createBench();
    bench.answer = () => reply("one", { ...MINUTE, etag: '"1"' });
    await bench.get("/a");
    bench.nowMs += 61_000;
    bench.answer = () => reply(undefined, { ...MINUTE, "set-cookie": "session=ann" }, 304);
    assert.equal((await bench.get("/a")).headers["set-cookie"], "session=ann");
    assert.equal((await bench.get("/a")).headers["set-cookie"], undefined);
    assert.equal(bench.asked.length, 2);
  });

  it("that finds other content replaces the stored one, or drops it where the new one may not be stored", async () => {
    const bench = createBench();
    bench.answer = () => reply("one", { "cache-control": "max-age=60, stale-while-revalidate=600", etag: '"1"' });
    await bench.get("/a");
    bench.nowMs += 61_000;
    bench.answer = () => reply("secret", { "cache-control": "private" });
    assert.equal((await bench.get("/a")).text, "one");
    await settle();
    bench.answer = () => reply("other", { "cache-control": "private" });
    assert.equal((await bench.get("/a")).text, "other");
  });
});

describe("when the source fails", () => {
  const cases: [string, string, boolean][] = [
    ["stale-if-error allows it", "max-age=1, stale-if-error=30", true],
    ["nobody says anything, for a minute", "max-age=1", true],
    ["the reply was not to be used unasked anyway", "max-age=0", false],
    ["must-revalidate forbids it", "max-age=1, must-revalidate, stale-if-error=30", false],
    ["s-maxage alone forbids it", "s-maxage=1", false],
    ["s-maxage comes with a permission", "s-maxage=1, stale-if-error=30", true],
    ["stale-if-error is over", "max-age=1, stale-if-error=5", false],
  ];
  for (const [name, cacheControl, isServed] of cases) {
    it(`${isServed ? "serves" : "does not serve"} the stale reply if ${name}`, async () => {
      const bench = createBench();
      bench.answer = () => reply("one", { "cache-control": cacheControl, etag: '"1"' });
      await bench.get("/a");
      bench.nowMs += 10_000;
      bench.answer = () => reply("trouble", { "cache-control": "no-store" }, 503);
      assert.equal((await bench.get("/a")).status, isServed ? 200 : 503);
      bench.answer = () => {
        throw new Error("unreachable");
      };
      if (isServed) assert.equal((await bench.get("/a")).text, "one");
      else await assert.rejects(bench.get("/a"), /unreachable/);
    });
  }
});

describe("stale-while-revalidate", () => {
  it("answers at once and refreshes behind, once for all", async () => {
    const bench = createBench();
    bench.answer = () => reply("one", { "cache-control": "max-age=1, stale-while-revalidate=60" });
    await bench.get("/a");
    bench.nowMs += 5000;
    const gate = Promise.withResolvers<void>();
    bench.answer = async () => {
      await gate.promise;
      return reply("two", MINUTE);
    };
    for (let count = 0; count < 10; count++) assert.equal((await bench.get("/a")).text, "one");
    assert.equal(bench.asked.length, 2);
    gate.resolve();
    await bench.engine.close();
    assert.equal((await bench.get("/a")).text, "two");
    assert.equal(bench.asked.length, 2);
    assert.equal(bench.engine.stats().refreshes, 1);
  });

  it("is bounded in refreshes under way", async () => {
    const bench = createBench({ maxRefreshes: 3 });
    bench.answer = () => reply("one", { "cache-control": "max-age=1, stale-while-revalidate=60" });
    for (let id = 0; id < 10; id++) await bench.get(`/${id}`);
    bench.nowMs += 5000;
    const gate = Promise.withResolvers<void>();
    bench.answer = async () => {
      await gate.promise;
      return reply("two", MINUTE);
    };
    for (let id = 0; id < 10; id++) assert.equal((await bench.get(`/${id}`)).text, "one");
    assert.equal(bench.asked.length, 13);
    gate.resolve();
    await bench.engine.close();
  });
});

describe("an early refresh", () => {
  it("comes the likelier the nearer the end, and no client waits for it", async () => {
    const bench = createBench();
    bench.answer = () => {
      bench.nowMs += 1000;
      return reply("one", MINUTE);
    };
    await bench.get("/a");
    bench.nowMs = START_MS + 1000 + 50_000;
    bench.random = 0.999_99;
    await bench.get("/a");
    assert.equal(bench.asked.length, 1, "nine seconds before the end it is still too early");
    bench.nowMs = START_MS + 1000 + 58_000;
    bench.random = 0.1;
    await bench.get("/a");
    assert.equal(bench.asked.length, 1, "most requests leave it to others");
    bench.random = 0.9;
    assert.equal((await bench.get("/a")).headers["cache-status"], "hotpath; hit; ttl=1");
    await bench.engine.close();
    assert.equal(bench.asked.length, 2);
  });
});

describe("requests' directives", () => {
  it("demand validation, freshness to spare, or a stored reply", async () => {
    const bench = createBench();
    bench.answer = () => reply("one", { ...MINUTE, etag: '"1"' });
    assert.equal((await bench.get("/a", { "cache-control": "only-if-cached" })).status, 504);
    await bench.get("/a");
    bench.nowMs += 30_000;
    assert.equal((await bench.get("/a", { "cache-control": "only-if-cached" })).status, 200);
    assert.equal(bench.asked.length, 1);
    let asked = 1;
    for (const said of ["no-cache", "max-age=10", "min-fresh=40"]) {
      bench.nowMs += 30_000;
      assert.match(String((await bench.get("/a", { "cache-control": said })).headers["cache-status"]), /fwd=/, said);
      assert.equal(bench.asked.length, ++asked, said);
    }
    await bench.get("/a", { pragma: "no-cache" });
    assert.equal(bench.asked.length, ++asked);
  });

  it("are of no account where the settings say so", async () => {
    const bench = createBench({ heedsRequests: false });
    bench.answer = () => reply("one", MINUTE);
    await bench.get("/a");
    await bench.get("/a", { "cache-control": "no-cache" });
    await bench.get("/a", { pragma: "no-cache" });
    assert.equal(bench.asked.length, 1);
  });
});

describe("HEAD", () => {
  it("refreshes what is stored for GET when it is the same, and drops it when it is not", async () => {
    const bench = createBench();
    bench.answer = () => reply("one", { ...MINUTE, etag: '"1"' });
    await bench.get("/a");
    bench.nowMs += 61_000;
    await bench.ask("/a", {}, { method: "HEAD" });
    assert.equal((await bench.get("/a")).headers["cache-status"], "hotpath; hit; ttl=60");
    bench.nowMs += 61_000;
    bench.answer = () => reply(undefined, { ...MINUTE, etag: '"2"' });
    await bench.ask("/a", {}, { method: "HEAD" });
    bench.answer = () => reply("two", { ...MINUTE, etag: '"2"' });
    assert.equal((await bench.get("/a")).text, "two");
    assert.equal(bench.asked.at(-1)?.headers["if-none-match"], undefined);
  });
});

describe("unsafe methods", () => {
  it("make their own URL and those that the reply names invalid, for every identity, unless they failed", async () => {
    const bench = createBench();
    const refill = async (): Promise<void> => {
      bench.answer = () => reply("one", MINUTE);
      for (const target of ["/a", "/b", "/c", "/other"]) await bench.get(target);
      await bench.get("/a", {}, { identity: "ann" });
      bench.asked.length = 0;
    };
    const missing = async (): Promise<string[]> => {
      bench.answer = () => reply("two", MINUTE);
      bench.asked.length = 0;
      for (const target of ["/a", "/b", "/c", "/other"]) await bench.get(target);
      await bench.get("/a", {}, { identity: "ann" });
      return bench.asked.map(({ target }) => target);
    };
    await refill();
    bench.answer = () => reply("", { location: "/b", "content-location": "http://api.example/c" }, 201);
    await bench.get("/a", {}, { method: "POST" });
    assert.deepEqual(await missing(), ["/a", "/b", "/c", "/a"]);
    bench.answer = () => reply("", { location: "http://elsewhere.example/b" });
    await bench.get("/a", {}, { method: "UNHEARD-OF" });
    assert.deepEqual(await missing(), ["/a", "/a"]);
    bench.answer = () => reply("", { location: "/b" }, 409);
    await bench.get("/a", {}, { method: "PUT" });
    assert.deepEqual(await missing(), []);
    bench.answer = () => reply("", {}, 504);
    await bench.get("/a", {}, { method: "PUT" });
    assert.deepEqual(await missing(), ["/a", "/a"], "whether a gateway's failure changed anything is unknown");
  });

  it("make cache groups invalid, within their origin", async () => {
    const bench = createBench();
    bench.answer = () => reply("one", { ...MINUTE, "cache-groups": '"scripts", "users"' });
    await bench.get("/a");
    bench.answer = () => reply("", { "cache-group-invalidation": '"users"' });
    await bench.get("/b", {}, { method: "POST" });
    bench.answer = () => reply("two", MINUTE);
    assert.equal((await bench.get("/a")).text, "two");
  });
});

describe("a purge", () => {
  it("while a reply is being fetched forbids storing it, by key, tag and all, to the very moment", async () => {
    for (const selector of [
      { kind: "key", key: "http://api.example/a" },
      { kind: "tags", tags: ["users"] },
      { kind: "all" },
    ] as const) {
      const bench = createBench();
      const body = stream();
      bench.answer = () => reply(body, { ...MINUTE, "surrogate-key": "users orders" });
      const asked = bench.ask("/a");
      await settle();
      const got = await asked;
      body.write("old ");
      await bench.engine.purge(selector);
      body.end("rows");
      assert.equal(await textOf(got.body), "old rows");
      bench.answer = () => reply("new rows", MINUTE);
      assert.equal((await bench.get("/a")).text, "new rows", selector.kind);
      assert.equal(bench.engine.stats().outrun, 1);
    }
  });
});
