import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { type Clock, clientWith, startServer, textOf } from "./scripted-server.ts";

const clockAt = (): Clock => ({ ms: Date.UTC(2026, 0, 1) });

await test("equal concurrent requests reach the server once, and each caller has its own response", async (t) => {
  const clock = clockAt();
  const server = await startServer(t, clock, () => ({ headers: { "cache-control": "no-cache" }, body: "x" }));
  const client = clientWith(clock);
  const bodies = await Promise.all(Array.from({ length: 50 }, async () => textOf(client, server.url)));
  assert.deepEqual(new Set(bodies), new Set(["x"]));
  assert.equal(server.seen.length, 1);
  assert.equal(client.stats().coalesced, 49);
});

await test("requests whose selecting fields differ do not wait for each other", async (t) => {
  const clock = clockAt();
  const server = await startServer(t, clock, ({ headers }) => ({
    headers: { "cache-control": "no-cache", vary: "accept" },
    body: headers.accept ?? "",
  }));
  const client = clientWith(clock);
  const ask = async (accept: string, trace: string): Promise<string> =>
    textOf(client, server.url, { headers: { accept, trace } });
  assert.deepEqual(await Promise.all([ask("a/a", "1"), ask("b/b", "1")]), ["a/a", "b/b"]);
  assert.equal(server.seen.length, 2);
  const known = await Promise.all([ask("a/a", "2"), ask("a/a", "3"), ask("b/b", "4")]);
  assert.deepEqual(known, ["a/a", "a/a", "b/b"]);
  assert.equal(server.seen.length, 4, "once Vary is known, other fields do not matter");
});

await test("what says no-store is shared by nobody", async (t) => {
  const clock = clockAt();
  const server = await startServer(t, clock, (_seen, _response, count) => ({
    headers: { "cache-control": "no-store" },
    body: String(count),
  }));
  const client = clientWith(clock);
  const bodies = await Promise.all([1, 2, 3].map(async () => textOf(client, server.url)));
  assert.equal(new Set(bodies).size, 3);
});

await test("who demands a newer response than the one on its way gets it", async (t) => {
  const clock = clockAt();
  const server = await startServer(t, clock, (_seen, _response, count) => ({ body: String(count) }));
  const client = clientWith(clock);
  const bodies = await Promise.all(
    (["default", "no-cache", "reload"] as const).map(async (cache) => textOf(client, server.url, { cache })),
  );
  assert.equal(new Set(bodies).size, 3);
});

await test("one caller's abort leaves the others their response; the last one's ends the request", async (t) => {
  const clock = clockAt();
  const asked = { "/": Promise.withResolvers<void>(), "/left": Promise.withResolvers<void>() };
  const held = Promise.withResolvers<void>();
  const closed = Promise.withResolvers<void>();
  const server = await startServer(t, clock, async ({ path }, response) => {
    if (path === "/left") response.once("close", () => closed.resolve());
    asked[path === "/left" ? path : "/"].resolve();
    await held.promise;
    return path === "/left" ? undefined : { body: "x" };
  });
  const client = clientWith(clock);
  const first = new AbortController();
  const leader = client.fetch(server.url, { signal: first.signal });
  const follower = textOf(client, server.url);
  await asked["/"].promise;
  first.abort(new Error("enough"));
  await assert.rejects(leader, /enough/);
  held.resolve();
  assert.equal(await follower, "x");
  assert.equal(server.seen.length, 1);
  const callers = [new AbortController(), new AbortController()];
  const calls = callers.map(async ({ signal }) => client.fetch(`${server.url}/left`, { signal }));
  await asked["/left"].promise;
  for (const caller of callers) caller.abort();
  for (const call of await Promise.allSettled(calls)) assert.equal(call.status, "rejected");
  await closed.promise;
  assert.equal(server.seen.length, 2);
});

await test("a body is streamed as it comes, to late readers of a fresh response from its beginning", async (t) => {
  const clock = clockAt();
  const headSent = Promise.withResolvers<{ end(text: string): void }>();
  const server = await startServer(t, clock, (_seen, response) => {
    response.writeHead(200, { "cache-control": "max-age=60" });
    response.write("first ");
    headSent.resolve(response);
    return undefined;
  });
  const client = clientWith(clock);
  const early = await client.fetch(server.url);
  const reader = early.body?.getReader();
  assert.equal(new TextDecoder().decode((await reader?.read())?.value), "first ");
  const late = await client.fetch(server.url);
  (await headSent.promise).end("second");
  assert.equal(await late.text(), "first second");
  assert.equal(new TextDecoder().decode((await reader?.read())?.value), "second");
  assert.equal(server.seen.length, 1);
  assert.equal(await textOf(client, server.url), "first second");
  assert.deepEqual(client.taken(), ["miss", "coalesced", "hit"]);
});

await test("a body beyond the limit is passed on whole to every reader, in bounded memory, and not stored", async (t) => {
  const clock = clockAt();
  const size = 4 * 1024 * 1024;
  let sent = 0;
  const server = await startServer(t, clock, async (_seen, response) => {
    response.writeHead(200, { "cache-control": "max-age=60" });
    for (; sent < size; sent += 16_384) if (!response.write(Buffer.alloc(16_384, "x"))) await once(response, "drain");
    response.end();
    return undefined;
  });
  const client = clientWith(clock, { maxBodyBytes: 65_536 });
  const [one, other] = await Promise.all([client.fetch(server.url), client.fetch(server.url)]);
  const first = one.arrayBuffer();
  const reader = other.body?.getReader();
  let read = 0;
  for (let part = await reader?.read(); part?.done === false; part = await reader?.read())
    read += part.value.byteLength;
  assert.deepEqual([(await first).byteLength, read], [size, size]);
  assert.equal(server.seen.length, 1);
  assert.equal(client.stats().entries, 0);
});

await test("a reader who stands still is cut off when others wait for it", async (t) => {
  const clock = clockAt();
  const server = await startServer(t, clock, () => ({ body: "x".repeat(1_000_000) }));
  const client = clientWith(clock, { maxBodyBytes: 65_536, idleTimeoutMs: 50 });
  const [still, moving] = await Promise.all([client.fetch(server.url), client.fetch(server.url)]);
  assert.equal((await moving.text()).length, 1_000_000);
  await assert.rejects(still.text(), { name: "TimeoutError" });
});

await test("a body whose reader aborts or cancels ends the request", async (t) => {
  const clock = clockAt();
  let closed = Promise.withResolvers<void>();
  const server = await startServer(t, clock, (_seen, response) => {
    response.write("begun");
    void once(response, "close").then(() => closed.resolve());
    return undefined;
  });
  const client = clientWith(clock);
  const controller = new AbortController();
  const aborted = await client.fetch(server.url, { signal: controller.signal });
  controller.abort(new Error("enough"));
  await assert.rejects(aborted.text(), /enough/);
  await closed.promise;
  closed = Promise.withResolvers<void>();
  const cancelled = await client.fetch(server.url);
  await cancelled.body?.cancel();
  await closed.promise;
});

await test("a response whose body nobody reads is stored all the same", async (t) => {
  const clock = clockAt();
  const server = await startServer(t, clock, () => ({
    headers: { "cache-control": "max-age=60" },
    body: "x".repeat(100_000),
  }));
  const client = clientWith(clock);
  await client.fetch(server.url);
  assert.equal((await textOf(client, server.url)).length, 100_000);
  assert.equal(server.seen.length, 1);
});
