import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import {
  addCacheStatus,
  addVia,
  ageMs,
  type CacheControl,
  formatCacheStatus,
  freshenHeaders,
  hasPassed,
  invalidatedUrls,
  isSelectedBy,
  isStorable,
  judgeUse,
  mayServeOnError,
  measureFreshness,
  NO_DIRECTIVES,
  normaliseField,
  parseAge,
  parseCacheControl,
  parseCacheDate,
  parseCacheGroups,
  parseTargetedControl,
  readReplyDirectives,
  type ReplyHeaders,
  toSelection,
  toStoredHeaders,
  withoutHopByHop,
} from "../../src/http/index.ts";
import { hostileText, isLinear } from "./hostile.ts";

const NOW = Date.UTC(2030, 0, 1);
const SHARED = { isShared: true, targets: ["cdn-cache-control"], heuristicFraction: 0.1, heuristicMaxMs: 86_400_000 };
const PRIVATE = { ...SHARED, isShared: false };

describe("Cache-Control", () => {
  const cases: [string, Partial<CacheControl>][] = [
    ["max-age=60", { maxAge: 60 }],
    ['max-age="60"', { maxAge: 60 }],
    [" , MAX-age=0060 ,, pUblic", { maxAge: 60, public: true }],
    ["max-age=99999999999", { maxAge: 2_147_483_648 }],
    ["max-age=-1", { maxAge: 0 }],
    ["max-age=60.5", { maxAge: 0 }],
    ["max-age=60s", { maxAge: 0 }],
    ["max-age='60'", { maxAge: 0 }],
    ["max-age", { maxAge: 0 }],
    ["max-age =60", { maxAge: 0 }],
    ["max-age= 60", { maxAge: 0 }],
    ["max-age=60, max-age=1", { maxAge: 1 }],
    ["max-age=1, max-age=60", { maxAge: 1 }],
    ['extension="max-age=60, no-store", s-maxage=5', { sMaxage: 5 }],
    ['extension="never closed, no-store', { noStore: true }],
    ['no-cache="Set-Cookie, x-a", private=x-b', { noCache: ["set-cookie", "x-a"], private: ["x-b"] }],
    ['no-cache="a", no-cache', { noCache: true }],
    ['private="', { private: true }],
    ["max-stale", { maxStale: Number.POSITIVE_INFINITY }],
    ["min-fresh=x", { minFresh: 2_147_483_648 }],
    ["__proto__=1, constructor, toString=2", {}],
    ["no-store no-cache", { noStore: true }],
  ];
  for (const [text, expected] of cases) {
    it(`reads ${text}`, () => assert.deepEqual(parseCacheControl(text), { ...NO_DIRECTIVES, ...expected }));
  }

  it("is read without error whatever it holds, in linear time", () => {
    fc.assert(fc.property(hostileText(), (text) => void parseCacheControl(text)));
    for (const piece of [",", '"', '\\"', 'a="', "a=,", '"a,', "a "]) isLinear(parseCacheControl, piece);
  });

  it("never loses no-store to what stands beside it", () => {
    fc.assert(fc.property(hostileText(), (text) => parseCacheControl(`no-store, ${text}`).noStore));
  });
});

describe("targeted fields", () => {
  it("take the place of Cache-Control and Expires where they are valid", () => {
    const headers = { "cache-control": "max-age=1", "cdn-cache-control": "max-age=60" };
    assert.equal(readReplyDirectives(headers, ["cdn-cache-control"]).control.maxAge, 60);
    assert.equal(readReplyDirectives(headers).control.maxAge, 1);
    const both = { ...headers, "own-cache-control": "no-store" };
    assert.equal(readReplyDirectives(both, ["own-cache-control", "cdn-cache-control"]).control.noStore, true);
  });
  it("are ignored as a whole where they are not", () => {
    for (const text of [
      "",
      "max-age=60, &&&",
      'max-age="60"',
      "MAX-AGE=60",
      "max-age=?1",
      "no-store=1",
      "max-age=(1 2)",
    ]) {
      assert.equal(parseTargetedControl(text), undefined, text);
    }
    assert.equal(parseTargetedControl("max-age=1.5, x=1, no-store=?0")?.maxAge, 1.5);
  });
});

describe("freshness", () => {
  const cases: [string, ReplyHeaders, number, number][] = [
    ["s-maxage for those who share", { "cache-control": "max-age=60, s-maxage=5" }, 5, 60],
    ["max-age before Expires", { "cache-control": "max-age=60", expires: "0" }, 60, 60],
    ["Expires counted from Date", { date: at(-100), expires: at(-40) }, 60, 60],
    ["two Expires are none", { expires: [at(60), at(60)] }, 0, 0],
    ["Expires in another zone", { expires: at(60).replace("GMT", "UTC") }, 0, 0],
    ["Expires in any letter case", { date: at(0), expires: at(60).toLowerCase() }, 60, 60],
    ["a tenth of the time since Last-Modified", { date: at(0), "last-modified": at(-1000) }, 100, 100],
    ["at most a day", { date: at(0), "last-modified": at(-1e9) }, 86_400, 86_400],
    ["nothing", {}, 0, 0],
    ["a targeted field for those who share", { "cache-control": "max-age=1", "cdn-cache-control": "max-age=9" }, 9, 1],
  ];
  for (const [name, headers, shared, own] of cases) {
    it(`comes of ${name}`, () => {
      assert.equal(measureFreshness(200, headers, exchange(), SHARED).lifetimeMs, shared * 1000);
      assert.equal(measureFreshness(200, headers, exchange(), PRIVATE).lifetimeMs, own * 1000);
    });
  }
  it("is not guessed for statuses that do not allow it", () => {
    const headers = { date: at(0), "last-modified": at(-1000) };
    for (const status of [201, 302, 403, 500, 599]) {
      assert.equal(measureFreshness(status, headers, exchange(), SHARED).lifetimeMs, 0);
    }
    assert.equal(
      measureFreshness(599, { ...headers, "cache-control": "public" }, exchange(), SHARED).lifetimeMs,
      100_000,
    );
  });

  it("counts age from Age, Date and the time on the way, and never backwards", () => {
    const freshness = measureFreshness(200, { age: "30", date: at(-10) }, exchange(2000), SHARED);
    assert.equal(freshness.initialAgeMs, 32_000);
    assert.equal(ageMs(freshness, NOW + 5000), 37_000);
    assert.equal(ageMs(freshness, NOW - 5000), 32_000);
    assert.equal(measureFreshness(200, { date: at(-100) }, exchange(), SHARED).initialAgeMs, 100_000);
  });

  it("reads Age and dates with care", () => {
    for (const [value, seconds] of [
      ["5", 5],
      ["5, 9", 5],
      [["7", "0"], 7],
      ["-5", undefined],
      ["5.5", undefined],
      ["x", undefined],
      ["99999999999", 2_147_483_648],
    ] as const) {
      assert.equal(parseAge(value), seconds, String(value));
    }
    assert.equal(parseCacheDate("tue, 01 jan 2030 00:00:00 gmt"), NOW);
    fc.assert(fc.property(hostileText(), (text) => (parseCacheDate(text), parseAge(text), true)));
  });

  it("decides the use of a reply: the older it is, the less", () => {
    const rank = { fresh: 0, "refresh-behind": 1, validate: 2 };
    const control = fc.record({
      maxAge: fc.nat(100),
      swr: fc.option(fc.nat(100)),
      flag: fc.constantFrom("", ", must-revalidate", ", no-cache", ", s-maxage=20"),
    });
    fc.assert(
      fc.property(control, fc.nat(300), fc.nat(300), hostileText(), ({ maxAge, swr, flag }, one, other, asked) => {
        const said = `max-age=${maxAge}${swr === null ? "" : `, stale-while-revalidate=${swr}`}${flag}`;
        const freshness = measureFreshness(200, { "cache-control": said }, exchange(), SHARED);
        const directives = parseCacheControl(asked);
        const [young, old] = [Math.min(one, other), Math.max(one, other)];
        const first = judgeUse(freshness, directives, NOW + young * 1000);
        assert.ok(rank[first] <= rank[judgeUse(freshness, directives, NOW + old * 1000)]);
        if (flag.includes("no-cache")) assert.equal(first, "validate");
        if (flag.includes("must") && young >= maxAge) assert.equal(first, "validate");
        if (mayServeOnError(freshness, NO_DIRECTIVES, NOW + old * 1000, 60_000)) {
          assert.ok(mayServeOnError(freshness, NO_DIRECTIVES, NOW + young * 1000, 60_000));
        }
      }),
    );
  });
});

describe("storing", () => {
  it("follows RFC 9111 section 3", () => {
    assert.ok(stores({ "cache-control": "max-age=1" }, 299));
    assert.ok(!stores({}, 299));
    assert.ok(stores({}, 404));
    assert.ok(!stores({ "cache-control": "max-age=1" }, 304));
    assert.ok(
      !stores({ "cache-control": "private" }) && stores({ "cache-control": "private" }, 200, undefined, PRIVATE),
    );
    assert.ok(stores({ "cache-control": 'private="x-a", max-age=1' }));
    assert.ok(stores({ "cache-control": "no-store, must-understand, max-age=1" }));
    assert.ok(!stores({ "cache-control": "no-store, must-understand, max-age=1" }, 599));
    for (const said of ["public", "s-maxage=1", "must-revalidate"])
      assert.ok(stores({ "cache-control": said }, 200, "x"));
    assert.ok(!stores({ "cache-control": "max-age=1" }, 200, "x"));
    assert.ok(stores({ "cache-control": "max-age=1" }, 200, "x", PRIVATE));
    assert.ok(!stores({ "cache-control": "max-age=1", "set-cookie": "a=b" }));
    assert.ok(stores({ "cache-control": 'max-age=1, no-cache="set-cookie"', "set-cookie": "a=b" }));
  });
  it("leaves out what concerns a connection and what the reply excludes", () => {
    const headers = {
      connection: "X-Hop, close",
      "x-hop": "1",
      "keep-alive": "1",
      "proxy-authenticate": "Basic",
      "cache-control": 'no-cache="x-a", private="X-B"',
      "x-a": "1",
      "x-b": "1",
      "x-c": "1",
    };
    assert.deepEqual(Object.keys(toStoredHeaders(headers, SHARED)), ["cache-control", "x-c"]);
    assert.deepEqual(Object.keys(toStoredHeaders(headers, PRIVATE)), ["cache-control", "x-b", "x-c"]);
    assert.deepEqual(withoutHopByHop({ te: "trailers", upgrade: "h2c", a: undefined, b: 1 }), { b: 1 });
  });
  it("is updated by a 304 in all but what describes the stored bytes", () => {
    const stored = { etag: '"1"', "content-encoding": "br", "x-a": "1", age: "5" };
    const updated = freshenHeaders(stored, {
      "x-a": "2",
      "content-encoding": "gzip",
      "content-length": "0",
      connection: "x-z",
      "x-z": "1",
    });
    assert.deepEqual(updated, { etag: '"1"', "content-encoding": "br", "x-a": "2" });
  });
});

describe("selection by Vary", () => {
  it("compares what means the same as the same", () => {
    const same: [string, string, string][] = [
      ["accept-language", "en, de", "DE,en;q=1.0"],
      ["accept-language", "en;q=0.50", "en;q=0.5"],
      ["accept-encoding", "gzip, br", " br ,gzip "],
      ["accept", "text/html, */*;q=0.1", "*/*;q=0.1,text/html"],
      ["x-any", "1,2", " 1, 2 "],
    ];
    for (const [name, one, other] of same) assert.equal(normaliseField(name, one), normaliseField(name, other), one);
    const different: [string, string | undefined, string | undefined][] = [
      ["accept-language", "en;q=0.5, de", "en, de;q=0.5"],
      ["accept-encoding", "gzip", "gzip;q=0"],
      ["x-any", "a", "A"],
      ["x-any", "", undefined],
      ["x-any", '"1, 2"', '"1,2"'],
      ["cookie", "a=1; b=2", "b=2; a=1"],
    ];
    for (const [name, one, other] of different) assert.notEqual(normaliseField(name, one), normaliseField(name, other));
  });
  it("selects by every field it names, and by none when it is *", () => {
    assert.equal(toSelection("Foo, *", {}), "*");
    const selection = toSelection("Foo, bar", { foo: "1" });
    assert.deepEqual(selection, [
      ["bar", null],
      ["foo", "1"],
    ]);
    assert.ok(selection !== "*" && isSelectedBy(selection, { foo: "1", other: "2" }));
    assert.ok(!isSelectedBy(selection, { foo: "1", bar: "" }) && !isSelectedBy(selection, {}));
  });
  it("takes a stored language for one that is liked best, and only then", () => {
    const selection = [["accept-language", "de,en"]] as const;
    assert.ok(isSelectedBy(selection, { "accept-language": "fr;q=0.5, de" }, "de"));
    assert.ok(!isSelectedBy(selection, { "accept-language": "fr, de;q=0.5" }, "de"));
    assert.ok(!isSelectedBy(selection, { "accept-language": "fr, de" }, "de"));
    assert.ok(
      !isSelectedBy(
        [
          ["accept-language", "de,en"],
          ["x-a", "1"],
        ],
        { "accept-language": "de" },
        "de",
      ),
    );
  });
  it("finds each request to select what was stored for it, and reads anything", () => {
    fc.assert(
      fc.property(fc.constantFrom("accept", "accept-language", "x-any"), hostileText(), (name, text) => {
        const selection = toSelection(name, { [name]: text });
        assert.ok(selection !== "*" && isSelectedBy(selection, { [name]: text }));
        assert.equal(normaliseField(name, normaliseField(name, text) ?? ""), normaliseField(name, text));
      }),
    );
    assert.equal(normaliseField("accept-language", "b,\u00a0,a"), "a,b");
    for (const piece of [",", ";", '"', "a;q=", "a,"])
      isLinear((text) => normaliseField("accept-language", text), piece);
  });
});

describe("invalidation", () => {
  it("is of the URL and those of the same origin that the reply names, when something may have changed", () => {
    const url = "http://a.example/x?y=1";
    const named = { location: "/new#part", "content-location": "http://b.example/z" };
    assert.deepEqual(invalidatedUrls("POST", url, 201, named), [url, "http://a.example/new"]);
    assert.deepEqual(invalidatedUrls("GET", url, 200, named), []);
    assert.deepEqual(invalidatedUrls("DELETE", url, 404, named), []);
    assert.deepEqual(invalidatedUrls("PATCH", url, 200, { location: "http://[" }), [url]);
  });
  it("is of groups by name", () => {
    assert.deepEqual(parseCacheGroups('"a", "b c";x=1, token, 5'), ["a", "b c"]);
    assert.deepEqual(parseCacheGroups('"a", &'), []);
  });
});

describe("Cache-Status and Via", () => {
  it("name this hop behind the others", () => {
    const status = formatCacheStatus("hotpath", { forward: "stale", forwardStatus: 304, ttl: -2.5, stored: true });
    assert.equal(
      addCacheStatus("origin; hit", status),
      "origin; hit, hotpath; fwd=stale; fwd-status=304; ttl=-2; stored",
    );
    assert.equal(addVia(undefined, "1.1", "hotpath"), "1.1 hotpath");
    assert.equal(addVia("1.0 a", "2.0", "b"), "1.0 a, 2.0 b");
    assert.ok(hasPassed('1.0 a (b, "c"), HTTP/1.1 HotPath', "hotpath"));
    assert.ok(!hasPassed("1.1 hotpath2, 1.1 a (hotpath)", "hotpath"));
  });
});

function at(seconds: number): string {
  return new Date(NOW + seconds * 1000).toUTCString();
}

function exchange(delayMs = 0): { requestedAtMs: number; receivedAtMs: number } {
  return { requestedAtMs: NOW - delayMs, receivedAtMs: NOW };
}

function stores(headers: ReplyHeaders, status = 200, authorization?: string, rules = SHARED): boolean {
  return isStorable({ method: "GET", headers: { authorization } }, status, headers, rules);
}
