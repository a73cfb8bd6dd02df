import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { makeApiKey } from "../../src/auth/api-key.ts";
import type { Source } from "../../src/api/source.ts";
import { defineApi } from "../../src/server/define-api.ts";
import { createIssuer, sign } from "../auth/tokens.ts";
import { rawClient } from "./listener/harness.ts";
import { startRedis } from "../support/redis.ts";
import { until } from "../postgres/pool/fixture.ts";
import { serveSources } from "../support/server.ts";

/** Answers at once; what lies below `/cached` may be given again. */
const SOURCE: Source = {
  name: "test",
  admission: "verify",
  resolve: ({ subpath }) => {
    const isCached = subpath.startsWith("/cached");
    const headers = { "cache-control": isCached ? "max-age=3600" : "no-store", "content-range": "0-9/*" };
    return { status: 200, headers, body: "0123456789" };
  },
};

/** As a proxy says it, behind a claim of the client's own. */
function behind(address: string): Record<string, string> {
  return { "x-forwarded-for": `203.0.113.7, ${address}` };
}

describe("rate limits", () => {
  it("tell what is left, refuse with a problem that names them, and count refusals", async (t) => {
    const api = await serveSources(
      t,
      { "/": SOURCE },
      {
        limits: [
          { name: "burst", quota: 2, window: "1h" },
          { name: "daily", quota: 100, window: "1d", algorithm: "fixed-window" },
        ],
      },
    );
    const first = await api.get("/a");
    assert.equal(first.status, 200);
    assert.equal(first.headers["ratelimit-policy"], '"burst";q=2;w=3600, "daily";q=100;w=86400');
    assert.match(String(first.headers["ratelimit"]), /^"burst";r=1;t=1800, "daily";r=99;t=\d+$/);
    await api.get("/b");
    const refused = await api.get("/c");
    assert.equal(refused.status, 429);
    assert.equal(refused.headers["content-type"], "application/problem+json");
    const wait = Number(refused.headers["retry-after"]);
    assert.ok(wait > 1700 && wait <= 1800, String(wait));
    const problem = JSON.parse(refused.text) as Record<string, unknown>;
    assert.equal(problem["type"], "https://iana.org/assignments/http-problem-types#quota-exceeded");
    assert.deepEqual(problem["violated-policies"], ["burst"]);
    assert.equal(problem["code"], "HP_RATE_LIMITED");
    assert.match(await api.metrics(), /limit_refusals_total\{policy="burst"\} 1/);
  });

  it("count repeated requests of the same bytes, and those that the cache answers", async (t) => {
    const api = await serveSources(t, { "/": SOURCE }, { limits: [{ name: "burst", quota: 20, window: "1h" }] });
    const client = rawClient(Number(new URL(api.url).port));
    for (let asked = 1; asked <= 22; asked++) {
      client.send("GET /cached HTTP/1.1\r\nhost: a\r\n\r\n");
      await client.until({ test: (text) => text.split("HTTP/1.1 ").length > asked && /(?:789|\})$/.test(text) });
    }
    const statuses = [...client.received().matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status);
    assert.deepEqual(statuses, [...Array<string>(20).fill("200"), "429", "429"]);
    client.socket.destroy();
  });

  it("count for whom they say: keys, routes, tiers, and addresses behind proxies that are trusted", async (t) => {
    const { hash, key } = makeApiKey();
    const other = makeApiKey();
    const api = await serveSources(
      t,
      { "/": SOURCE },
      {
        auth: { apiKeys: { keys: [`one:reader:${hash}`, `two:reader:${other.hash}`] } },
        limit: { trustedProxies: ["127.0.0.1"], fields: false },
        limits: [
          { name: "keys", quota: 1, window: "1h", by: "key", routes: ["/keys/*"] },
          { name: "search", quota: 1, window: "1h", by: "everyone", routes: ["GET /search"] },
          {
            name: "paid",
            quota: 1,
            window: "1h",
            by: "ip",
            routes: ["/paid"],
            tiers: { claim: "role", quotas: { reader: 3 } },
          },
          { name: "address", quota: 1, window: "1h", routes: ["/address"] },
          {
            name: "own",
            quota: 1,
            window: "1h",
            by: ({ headers }) => headers["x-tenant"] as string | undefined,
            routes: ["/own"],
          },
        ],
      },
    );
    const statuses = async (path: string, ...all: Record<string, string>[]): Promise<number[]> => {
      const found: number[] = [];
      for (const headers of all) found.push((await api.get(path, headers)).status);
      return found;
    };
    const one = { "x-api-key": key };
    const two = { "x-api-key": other.key };
    assert.deepEqual(await statuses("/keys/a", one, one, two, {}, {}), [200, 429, 200, 200, 429]);
    assert.deepEqual(await statuses("/search", {}, one), [200, 429]);
    assert.deepEqual(await statuses("/searching", {}, {}), [200, 200]);
    assert.deepEqual(await statuses("/paid", one, one, one, one), [200, 200, 200, 429]);
    assert.deepEqual(
      await statuses("/address", behind("192.0.2.1"), behind("192.0.2.1"), behind("192.0.2.2")),
      [200, 429, 200],
    );
    assert.deepEqual(
      await statuses("/address", behind("2001:db8:1:2::1"), behind("2001:db8:1:2:ffff::9"), behind("2001:db8:1:3::1")),
      [200, 429, 200],
      "one IPv6 network is one client",
    );
    assert.deepEqual(await statuses("/own", {}, {}, { "x-tenant": "a" }, { "x-tenant": "a" }), [200, 200, 200, 429]);
    assert.equal((await api.get("/own")).headers["ratelimit"], undefined);
  });

  it("count for users, claims and routes, with tiers by claim, and cost what a function says", async (t) => {
    const issuer = await createIssuer("HS256");
    const token = async (claims: object): Promise<Record<string, string>> => ({
      authorization: `Bearer ${await sign(issuer, { role: "reader", ...claims })}`,
    });
    const api = await serveSources(
      t,
      { "/": SOURCE },
      {
        auth: {
          jwt: { secret: Buffer.from(issuer.privateKey as Uint8Array).toString("base64url"), secretIsBase64: true },
        },
        limits: [
          { name: "user", quota: 1, window: "1h", by: "user", routes: ["/user"] },
          { name: "tenant", quota: 1, window: "1h", by: "claim:tenant", routes: ["/tenant"] },
          { name: "route", quota: 1, window: "1h", by: "route", routes: ["/route/*"] },
          {
            name: "plan",
            quota: 1,
            window: "1h",
            by: "user",
            routes: ["/plan"],
            tiers: { claim: "plan", quotas: { pro: 2 } },
          },
          {
            name: "weighed",
            quota: 5,
            window: "1h",
            routes: ["/weighed"],
            cost: ({ headers }) => Number(headers["x-cost"] ?? 1),
          },
        ],
      },
    );
    const statuses = async (path: string, ...all: Record<string, string>[]): Promise<number[]> => {
      const found: number[] = [];
      for (const headers of all) found.push((await api.get(path, headers)).status);
      return found;
    };
    const ann = await token({ sub: "ann", tenant: "a" });
    const bob = await token({ sub: "bob", tenant: "a" });
    const cid = await token({ sub: "cid", tenant: "c", plan: "pro" });
    assert.deepEqual(await statuses("/user", ann, bob, ann, {}, {}), [200, 200, 429, 200, 429]);
    assert.deepEqual(await statuses("/tenant", ann, bob, cid), [200, 429, 200]);
    assert.deepEqual(await statuses("/route/1", {}, ann), [200, 429]);
    assert.deepEqual(await statuses("/route/2", ann), [200]);
    assert.deepEqual(await statuses("/plan", ann, ann, cid, cid, cid), [200, 429, 200, 200, 429]);
    assert.deepEqual(
      await statuses("/weighed", { "x-cost": "4" }, { "x-cost": "2" }, { "x-cost": "1" }, {}),
      [200, 429, 200, 429],
    );
  });

  it("charge what a reply turned out to cost, and requests under way until they are over", async (t) => {
    const waiting = Promise.withResolvers<void>();
    const slow: Source = {
      name: "slow",
      async resolve({ subpath }) {
        if (subpath === "/wait") await waiting.promise;
        return SOURCE.resolve({ subpath } as never);
      },
    };
    const api = await serveSources(
      t,
      { "/": slow },
      {
        limits: [
          { name: "rows", quota: 15, window: "1h", cost: "rows", routes: ["/rows"] },
          { name: "bytes", quota: 15, window: "1h", cost: "bytes", routes: ["/bytes"] },
          { name: "at-once", quota: 1, algorithm: "concurrency", routes: ["/wait"] },
        ],
      },
    );
    for (const path of ["/rows", "/bytes"]) {
      const statuses = [];
      for (let asked = 0; asked < 3; asked++) statuses.push((await api.get(path)).status);
      assert.deepEqual(statuses, [200, 200, 429], path);
    }
    const first = api.get("/wait");
    const refused = await api.get("/wait");
    // Whichever came first waits.
    assert.equal(refused.status, 429);
    waiting.resolve();
    assert.equal((await first).status, 200);
    assert.equal((await api.get("/wait")).status, 200);
  });

  it("are shared by nodes through Redis, and go on without it", async (t) => {
    const redis = await startRedis(t);
    if (redis === undefined) return;
    const options = {
      limit: { redis: redis.url, timeout: "5s", sharePercent: 50 },
      limits: [{ name: "shared", quota: 4, window: "1h" }],
    };
    const [one, two] = [
      await serveSources(t, { "/": SOURCE }, options),
      await serveSources(t, { "/": SOURCE }, options),
    ];
    // A node that has not got through to Redis yet counts for itself, up to its share.
    const isShared = async (api: typeof one, left: number): Promise<boolean> =>
      String((await api.get("/a")).headers["ratelimit"]).includes(`r=${left};`);
    await until(() => isShared(one, 3), "the first node counts in Redis");
    await until(() => isShared(two, 2), "the second node goes on from there");
    const statuses = [];
    for (const api of [one, two, one, two]) statuses.push((await api.get("/a")).status);
    assert.deepEqual(statuses, [200, 200, 429, 429]);
    await redis.kill();
    const alone = await serveSources(t, { "/": SOURCE }, options);
    const without = [];
    for (let asked = 0; asked < 3; asked++) without.push((await alone.get("/a")).status);
    assert.deepEqual(without, [200, 200, 429], "half of the quota while nobody else can be asked");
  });

  it("are checked before anything starts", async () => {
    const bad: readonly [object, RegExp][] = [
      [{ name: "a", quota: 0, window: "1m" }, /limits\[0\].quota must be a whole number from 1/],
      [{ name: "a b", quota: 1, window: "1m" }, /limits\[0\].name/],
      [{ name: "a", quota: 1 }, /limits\[0\].window must be a duration/],
      [{ name: "a", quota: 1, window: "1m", bye: "ip" }, /Did you mean by\?/],
      [{ name: "a", quota: 1, window: "1m", by: "cookie" }, /limits\[0\].by/],
      [{ name: "a", quota: 1, window: "1m", routes: ["users"] }, /limits\[0\].routes/],
      [{ name: "a", quota: 1e6, window: "1m", algorithm: "sliding-log" }, /at most 10000 for sliding-log/],
    ];
    for (const [limit, message] of bad) {
      await assert.rejects(defineApi({ sources: { "/": SOURCE }, limits: [limit as never] }).listen(), message);
    }
  });
});
