import assert from "node:assert/strict";
import { test } from "node:test";
import { formatHttpDate } from "../../src/http/date.ts";
import { type Clock, clientWith, type Scripted, startServer, textOf } from "./scripted-server.ts";

const clockAt = (): Clock => ({ ms: Date.UTC(2026, 0, 1) });

await test("failed connections and 502, 503, 504 are tried again, with waits that double and jitter", async (t) => {
  const clock = clockAt();
  const server = await startServer(t, clock, (_seen, response, count) => {
    if (count === 1) return void response.destroy();
    return count <= 4 ? { status: [502, 503, 504][count - 2] ?? 0 } : { body: "done" };
  });
  const client = clientWith(clock, { retries: 4, backoffMs: 100 });
  assert.equal(await textOf(client, server.url), "done");
  assert.deepEqual(client.waits, [50, 100, 200, 400]);
  assert.deepEqual(client.taken(), ["retry", "retry", "retry", "retry", "miss"]);
});

await test("Retry-After is obeyed in both forms, up to a bound", async (t) => {
  const clock = clockAt();
  const replies: Scripted[] = [
    { status: 429, headers: { "retry-after": "2" } },
    { status: 503, headers: { "retry-after": formatHttpDate(clock.ms + 5000) } },
    { body: "done" },
    { status: 503, headers: { "retry-after": "3600" }, body: "later" },
    { status: 429, body: "too many" },
  ];
  const server = await startServer(t, clock, (_seen, _response, count) => replies[count - 1]);
  const client = clientWith(clock);
  assert.equal(await textOf(client, server.url), "done");
  assert.deepEqual(client.waits, [2000, 3000]);
  assert.equal(await textOf(client, server.url), "later");
  assert.equal(await textOf(client, server.url), "too many");
  assert.equal(server.seen.length, 5);
});

await test("only what may be repeated is: not POST, not a stream, but POST with an Idempotency-Key", async (t) => {
  const clock = clockAt();
  const server = await startServer(t, clock, () => ({ status: 502 }));
  const client = clientWith(clock, { retries: 1 });
  const attempts = async (init: RequestInit): Promise<number> => {
    const before = server.seen.length;
    await client.fetch(server.url, init);
    return server.seen.length - before;
  };
  assert.equal(await attempts({ method: "POST", body: "x" }), 1);
  assert.equal(await attempts({ method: "PUT", body: "x" }), 2);
  assert.equal(await attempts({ method: "DELETE" }), 2);
  assert.equal(await attempts({ method: "POST", body: "x", headers: { "idempotency-key": "1" } }), 2);
  const body = new Blob(["x"]).stream();
  assert.equal(await attempts({ method: "PUT", body, duplex: "half" }), 1);
  assert.equal(await attempts({ method: "PATCH", body: "x" }), 1);
  const before = server.seen.length;
  await client.fetch(new Request(server.url, { method: "PUT", body: "x" }));
  assert.equal(server.seen.length - before, 1, "a Request's body can be read once only");
});

await test("when everything fails, retries add a tenth to the load, once their budget is spent", async (t) => {
  const clock = clockAt();
  const server = await startServer(t, clock, () => ({ status: 502 }));
  const client = clientWith(clock, { retryBudget: 5 });
  for (let request = 0; request < 200; request++) await textOf(client, `${server.url}/${request}`);
  const retries = server.seen.length - 200;
  assert.ok(retries >= 20 && retries <= 5 + 20, `${retries} retries`);
  assert.equal(client.stats().retry, retries);
});

await test("an attempt that takes too long is given up and repeated", async (t) => {
  const clock = clockAt();
  const server = await startServer(t, clock, (_seen, _response, count) => (count === 1 ? undefined : { body: "done" }));
  const client = clientWith(clock, { attemptTimeoutMs: 50 });
  assert.equal(await textOf(client, server.url), "done");
  const { error } = await client.until("retry");
  assert.ok(error instanceof Error && error.name === "TimeoutError");
});

await test("no retry begins that could not end in time", async (t) => {
  const clock = clockAt();
  const server = await startServer(t, clock, () => ({ status: 503, headers: { "retry-after": "2" }, body: "down" }));
  const client = clientWith(clock, { timeoutMs: 3000, retries: 9 });
  assert.equal(await textOf(client, server.url), "down");
  assert.deepEqual(client.waits, [2000]);
});

await test("an abort ends the wait between attempts", async (t) => {
  const clock = clockAt();
  const server = await startServer(t, clock, () => ({ status: 503, headers: { "retry-after": "9" } }));
  const controller = new AbortController();
  const client = clientWith(clock, {
    wait: undefined,
    onEvent: ({ type }) => type === "retry" && controller.abort(new Error("enough")),
  });
  await assert.rejects(client.fetch(server.url, { signal: controller.signal }), /enough/);
  await assert.rejects(client.fetch(server.url, { signal: AbortSignal.abort() }), { name: "AbortError" });
  assert.equal(server.seen.length, 1);
  assert.equal(client.stats().aborted, 2);
});

await test("a body that stops moving fails", async (t) => {
  const clock = clockAt();
  const server = await startServer(t, clock, (_seen, response) => void response.write("begun"));
  const client = clientWith(clock, { idleTimeoutMs: 50 });
  await assert.rejects(textOf(client, server.url), { name: "TimeoutError" });
});
