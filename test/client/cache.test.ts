import assert from "node:assert/strict";
import { test } from "node:test";
import { type Clock, clientWith, startServer, textOf } from "./scripted-server.ts";

const START_MS = Date.UTC(2026, 0, 1);
const clockAt = (): Clock => ({ ms: START_MS });

await test("a fresh response is used without asking, each caller reads its own, and Age grows", async (t) => {
  const clock = clockAt();
  const server = await startServer(t, clock, () => ({ headers: { "cache-control": "max-age=60" }, body: "one" }));
  const client = clientWith(clock);
  assert.equal(await textOf(client, `${server.url}/a#fragment`), "one");
  clock.ms += 10_000;
  const [first, second] = await Promise.all([client.fetch(`${server.url}/a`), client.fetch(`${server.url}/a`)]);
  assert.equal(first.headers.get("age"), "10");
  assert.equal(first.url, `${server.url}/a`);
  const copy = first.clone();
  const bytes = new Uint8Array(await first.arrayBuffer());
  bytes.fill(0);
  assert.equal(await second.text(), "one", "what one caller does to its bytes is not seen by another");
  assert.equal(await copy.text(), "one");
  assert.equal(copy.url, `${server.url}/a`);
  assert.equal(await textOf(client, `${server.url}/a`), "one");
  assert.equal(server.seen.length, 1);
  clock.ms += 50_000;
  await textOf(client, `${server.url}/a`);
  assert.equal(server.seen.length, 2, "at the end of its lifetime it is asked for again");
});

await test("a stale response is validated by ETag and Last-Modified, and a 304 freshens its headers", async (t) => {
  const clock = clockAt();
  const etag = '"v1"';
  const modified = "Wed, 31 Dec 2025 00:00:00 GMT";
  const server = await startServer(t, clock, ({ headers }, _response, count) =>
    headers["if-none-match"] === etag
      ? { status: 304, headers: { "cache-control": "max-age=5", "x-count": String(count) } }
      : { headers: { "cache-control": "no-cache", etag, "last-modified": modified, "x-count": "1" }, body: "one" },
  );
  const client = clientWith(clock);
  await textOf(client, server.url);
  const response = await client.fetch(server.url);
  assert.equal(response.status, 200);
  assert.equal(response.headers.get("x-count"), "2");
  assert.equal(await response.text(), "one");
  assert.equal(server.seen[1]?.headers["if-modified-since"], modified);
  assert.doesNotMatch(server.seen[1]?.headers["cache-control"] ?? "", /no-cache/, "caches on the way may answer");
  assert.equal(await textOf(client, server.url), "one");
  assert.deepEqual(client.taken(), ["miss", "revalidated", "hit"]);
});

await test("stale-while-revalidate answers at once and refreshes behind, once", async (t) => {
  const clock = clockAt();
  const server = await startServer(t, clock, (_seen, _response, count) => ({
    headers: { "cache-control": "max-age=1, stale-while-revalidate=10" },
    body: String(count),
  }));
  const client = clientWith(clock);
  await textOf(client, server.url);
  clock.ms += 5000;
  const bodies = await Promise.all([1, 2, 3].map(async () => textOf(client, server.url)));
  assert.deepEqual(bodies, ["1", "1", "1"]);
  await client.until("refreshed");
  assert.equal(await textOf(client, server.url), "2");
  assert.equal(server.seen.length, 2);
  clock.ms += 12_000;
  assert.equal(await textOf(client, server.url), "3", "beyond the window it is fetched first");
});

await test("stale-if-error hides failures for as long as the response says, and must-revalidate forbids it", async (t) => {
  const clock = clockAt();
  const server = await startServer(t, clock, ({ path }) => ({
    headers: { "cache-control": `max-age=1, stale-if-error=10${path === "/strict" ? ", must-revalidate" : ""}` },
    body: "kept",
  }));
  const client = clientWith(clock, { retries: 0 });
  await textOf(client, `${server.url}/`);
  await textOf(client, `${server.url}/strict`);
  server.script = (_seen, response) => void response.destroy();
  clock.ms += 5000;
  assert.equal(await textOf(client, `${server.url}/`), "kept");
  await assert.rejects(client.fetch(`${server.url}/strict`), TypeError);
  server.script = () => ({ status: 503, body: "down" });
  assert.equal(await textOf(client, `${server.url}/`), "kept");
  assert.equal(await textOf(client, `${server.url}/strict`), "down");
  clock.ms += 10_000;
  assert.equal(await textOf(client, `${server.url}/`), "down");
  assert.deepEqual(client.taken(), ["miss", "miss", "stale", "failed", "stale", "miss", "miss"]);
});

await test("no-store, other methods, conditions, ranges, redirects and broken bodies store nothing", async (t) => {
  const clock = clockAt();
  const fresh = { "cache-control": "max-age=60" };
  const server = await startServer(t, clock, ({ path }, response) => {
    if (path === "/no-store") return { headers: { "cache-control": "no-store, max-age=60" }, body: "x" };
    if (path === "/redirect") return { status: 302, headers: { location: "/plain" } };
    if (path === "/any") return { headers: { ...fresh, vary: "*" }, body: "x" };
    if (path === "/broken") {
      response.writeHead(200, { ...fresh, "content-length": "10" });
      response.write("half");
      setImmediate(() => response.destroy());
      return undefined;
    }
    return { headers: fresh, body: "x" };
  });
  const client = clientWith(clock, { retries: 0 });
  const requests: readonly (readonly [path: string, init?: RequestInit])[] = [
    ["/no-store"],
    ["/redirect"],
    ["/any"],
    ["/broken"],
    ["/post", { method: "POST", body: "x" }],
    ["/conditional", { headers: { "if-none-match": '"x"' } }],
    ["/range", { headers: { range: "bytes=0-0" } }],
    ["/asked", { headers: { "cache-control": "no-store" } }],
    ["/mode", { cache: "no-store" }],
    ["/head", { method: "HEAD" }],
  ];
  for (const [path, init] of requests) {
    const read = textOf(client, server.url + path, init);
    await (path === "/broken" ? assert.rejects(read) : read);
  }
  assert.equal(client.stats().entries, 0);
});

await test("what Vary names keeps responses apart, and so does who asks, whatever Vary says", async (t) => {
  const clock = clockAt();
  const server = await startServer(t, clock, ({ headers }) => ({
    headers: { "cache-control": "max-age=60", vary: "accept" },
    body: `${headers.accept} for ${headers.authorization}`,
  }));
  const client = clientWith(clock);
  const as = async (authorization: string, accept: string): Promise<string> =>
    textOf(client, server.url, { headers: { authorization, accept } });
  for (let round = 0; round < 2; round++) {
    assert.equal(await as("ann", "text/csv"), "text/csv for ann");
    assert.equal(await as("ann", "text/plain"), "text/plain for ann");
    assert.equal(await as("bob", "text/csv"), "text/csv for bob");
  }
  assert.equal(server.seen.length, 3);
  const together = await Promise.all([as("cem", "text/csv"), as("dan", "text/csv")]);
  assert.deepEqual(together, ["text/csv for cem", "text/csv for dan"]);
});

await test("an unsafe method forgets its URL and what Location names, unless it failed", async (t) => {
  const clock = clockAt();
  let status = 400;
  const server = await startServer(t, clock, ({ method }) =>
    method === "GET"
      ? { headers: { "cache-control": "max-age=60" }, body: "x" }
      : { status, headers: { location: "/other" } },
  );
  const client = clientWith(clock);
  const read = async (): Promise<string[]> => {
    for (const path of ["/one", "/other", "/third"]) await textOf(client, server.url + path);
    return client.taken();
  };
  await read();
  await client.fetch(`${server.url}/one`, { method: "PATCH" });
  assert.deepEqual(await read(), ["bypass", "hit", "hit", "hit"]);
  status = 204;
  await client.fetch(`${server.url}/one`, { method: "PATCH" });
  assert.deepEqual(await read(), ["bypass", "miss", "miss", "hit"]);
});

await test("a response that was on its way when its resource changed is not stored", async (t) => {
  const clock = clockAt();
  const held = Promise.withResolvers<void>();
  const asked = Promise.withResolvers<void>();
  let value = "old";
  const server = await startServer(t, clock, async ({ method }, _response, count) => {
    if (method === "PUT") value = "new";
    const body = value;
    if (count === 1) {
      asked.resolve();
      await held.promise;
    }
    return { headers: { "cache-control": "max-age=60" }, body };
  });
  const client = clientWith(clock);
  const early = textOf(client, server.url);
  await asked.promise;
  await client.fetch(server.url, { method: "PUT" });
  assert.equal(await textOf(client, server.url), "new", "nor does anyone wait for it");
  held.resolve();
  assert.equal(await early, "old");
  assert.equal(await textOf(client, server.url), "new");
});

await test("a 304 that was on its way when its resource changed brings nothing back", async (t) => {
  const clock = clockAt();
  const held = Promise.withResolvers<void>();
  const asked = Promise.withResolvers<void>();
  let etag = '"old"';
  const server = await startServer(t, clock, async ({ method, headers }) => {
    if (method === "PUT") etag = '"new"';
    const fields = { "cache-control": "max-age=60", etag };
    if (headers["if-none-match"] !== etag) return { headers: fields, body: etag };
    asked.resolve();
    await held.promise;
    return { status: 304, headers: fields };
  });
  const client = clientWith(clock);
  await textOf(client, server.url);
  clock.ms += 100_000;
  const early = textOf(client, server.url);
  await asked.promise;
  await client.fetch(server.url, { method: "PUT" });
  held.resolve();
  assert.equal(await early, '"old"');
  assert.equal(await textOf(client, server.url), '"new"');
});

await test("the cache modes of the Fetch standard", async (t) => {
  const clock = clockAt();
  const server = await startServer(t, clock, ({ headers }, _response, count) =>
    headers["if-none-match"] === undefined
      ? { headers: { "cache-control": "max-age=60", etag: '"x"' }, body: String(count) }
      : { status: 304 },
  );
  const client = clientWith(clock);
  const read = async (cache: NonNullable<RequestInit["cache"]>): Promise<string> =>
    textOf(client, server.url, { cache });
  await assert.rejects(read("only-if-cached"), TypeError);
  assert.equal(await read("default"), "1");
  assert.equal(await read("no-store"), "2");
  assert.equal(await read("default"), "1");
  assert.equal(await read("reload"), "3");
  assert.equal(server.seen.at(-1)?.headers["cache-control"], "no-cache");
  assert.equal(await read("no-cache"), "3");
  assert.equal(server.seen.at(-1)?.headers["if-none-match"], '"x"');
  assert.equal(server.seen.at(-1)?.headers["cache-control"], "max-age=0");
  clock.ms += 100_000;
  assert.equal(await read("force-cache"), "3");
  assert.equal(await read("only-if-cached"), "3");
  assert.deepEqual(client.taken(), ["failed", "miss", "bypass", "hit", "miss", "revalidated", "stale", "stale"]);
});

await test("a HEAD is answered from what is stored, and one of other content forgets that", async (t) => {
  const clock = clockAt();
  let etag = '"1"';
  const server = await startServer(t, clock, () => ({ headers: { "cache-control": "max-age=60", etag }, body: "x" }));
  const client = clientWith(clock);
  await textOf(client, server.url);
  assert.equal(await textOf(client, server.url, { method: "HEAD" }), "");
  etag = '"2"';
  clock.ms += 100_000;
  await client.fetch(server.url, { method: "HEAD" });
  assert.equal(client.stats().entries, 0);
  assert.deepEqual(client.taken(), ["miss", "hit", "miss"]);
});

await test("the store is bounded in bytes, drops what was used longest ago, and can be purged", async (t) => {
  const clock = clockAt();
  const body = "x".repeat(10_000);
  const server = await startServer(t, clock, () => ({ headers: { "cache-control": "max-age=60" }, body }));
  const client = clientWith(clock, { maxBytes: 40_000 });
  for (const path of ["/1", "/2", "/3", "/1", "/4"]) await textOf(client, server.url + path);
  const { entries, bytes } = client.stats();
  assert.equal(entries, 3);
  assert.ok(bytes <= 40_000);
  client.taken();
  for (const path of ["/1", "/2"]) await textOf(client, server.url + path);
  assert.deepEqual(client.taken(), ["hit", "miss"]);
  assert.equal(client.purge(`${server.url}/1`), 1);
  assert.equal(
    client.purge((url) => url.endsWith("/2")),
    1,
  );
  client.purge();
  assert.deepEqual([client.stats().entries, client.stats().bytes], [0, 0]);
});

await test("options that do not exist or cannot be are refused", () => {
  assert.throws(() => clientWith(clockAt(), JSON.parse('{"maxByte":1}')), /no option "maxByte"/);
  assert.throws(() => clientWith(clockAt(), { maxBytes: -1 }), RangeError);
  clientWith(clockAt(), { maxBytes: undefined });
});
