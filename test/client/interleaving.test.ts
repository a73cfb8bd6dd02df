import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { clientWith, type Clock, startServer } from "./scripted-server.ts";

interface Call {
  readonly kind: "read" | "write" | "abort";
  readonly user: number;
  /** Turns of the event loop until the next call. */
  readonly pause: number;
  /** Turns that the server takes before it looks, and before it answers. */
  readonly before: number;
  readonly after: number;
}

const call: fc.Arbitrary<Call> = fc.record({
  kind: fc.constantFrom("read", "read", "read", "abort", "write"),
  user: fc.integer({ min: 0, max: 1 }),
  pause: fc.constantFrom(0, 0, 1, 5, 20),
  before: fc.integer({ min: 0, max: 3 }),
  after: fc.integer({ min: 0, max: 12 }),
});

await test("who reads after an own write has ended never sees what was before it, however calls overlap", async (t) => {
  const clock: Clock = { ms: Date.UTC(2026, 0, 1) };
  const server = await startServer(t, clock, () => undefined);
  let run = 0;
  const cacheControl = fc.constantFrom("max-age=60", "no-cache", "max-age=0, stale-while-revalidate=60");
  await fc.assert(
    fc.asyncProperty(fc.array(call, { minLength: 3, maxLength: 25 }), cacheControl, async (calls, control) => {
      await play(server, clock, calls, control, `/${run++}`);
    }),
    { numRuns: 150 },
  );
});

async function play(
  server: Awaited<ReturnType<typeof startServer>>,
  clock: Clock,
  calls: readonly Call[],
  cacheControl: string,
  path: string,
): Promise<void> {
  let version = 0;
  let written = 0;
  server.script = async ({ method, headers }) => {
    const { before = "0", after = "0", authorization = "" } = headers as Record<string, string>;
    await turns(Number(before));
    if (method === "PUT") version++;
    const seen = version;
    await turns(Number(after));
    if (method === "PUT") return { status: 204, headers: { "x-version": String(seen) } };
    const etag = `"${seen}"`;
    const fields = { "cache-control": cacheControl, etag };
    return headers["if-none-match"] === etag
      ? { status: 304, headers: fields }
      : { headers: fields, body: `${authorization} ${seen}` };
  };
  const client = clientWith(clock, { retries: 0 });
  const pending: Promise<void>[] = [];
  for (const { kind, user, pause, before, after } of calls) {
    const headers = { authorization: `user${user}`, before: String(before), after: String(after) };
    pending.push(perform(kind, headers));
    await turns(pause);
  }
  // All of them end before the run does, so that a failure can be replayed.
  for (const end of await Promise.allSettled(pending)) if (end.status === "rejected") throw end.reason;
  const { hit, stale, revalidated, miss, coalesced, bypass, failed, aborted } = client.stats();
  assert.equal(
    hit + stale + revalidated + miss + coalesced + bypass + aborted,
    calls.length,
    "each call has one outcome",
  );
  assert.equal(failed, 0);

  async function perform(kind: Call["kind"], headers: Record<string, string>): Promise<void> {
    const controller = new AbortController();
    const { signal } = controller;
    const least = written;
    const method = kind === "write" ? "PUT" : "GET";
    const answer = client.fetch(server.url + path, { method, headers, signal });
    if (kind === "abort") {
      await turns(Number(headers["after"]));
      controller.abort(new Error("enough"));
    }
    try {
      const response = await answer;
      if (kind === "write") written = Math.max(written, Number(response.headers.get("x-version")));
      const [authorization, seen] = (await response.text()).split(" ");
      if (kind === "write") return;
      assert.equal(authorization, headers["authorization"]);
      assert.ok(Number(seen) >= least, `version ${seen} after ${least} was written`);
    } catch (error) {
      if (!(error instanceof Error && error.message === "enough")) throw error;
    }
  }
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
}
