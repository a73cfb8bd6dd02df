import assert from "node:assert/strict";
import { it } from "node:test";
import type { SourceReply } from "../../../src/api/source.ts";
import type { SourceRequest } from "../../../src/api/source-request.ts";
import { createCacheEngine } from "../../../src/cache/engine/index.ts";
import type { Flight, FlightLock } from "../../../src/cache/flight-lock.ts";
import { createMemoryStore } from "../../../src/cache/memory/index.ts";
import type { PurgeSelector } from "../../../src/cache/store.ts";
import { createBench, reply, settle, textOf } from "./harness.ts";

const MINUTE = { "cache-control": "max-age=60" };

/** Nodes that share one store and one lock, as Redis would have it. */
function nodes(count: number): {
  readonly engines: readonly ReturnType<typeof createCacheEngine>[];
  readonly tellAll: (removed: PurgeSelector) => void;
} {
  const store = createMemoryStore({ maxBytes: 1_000_000 });
  const listeners: ((removed: PurgeSelector) => void)[] = [];
  const held = new Map<string, (() => void)[]>();
  const flightLock: FlightLock = {
    acquire(key): Promise<Flight> {
      const waiting = held.get(key);
      if (waiting !== undefined) return new Promise((resolve) => waiting.push(() => resolve({ state: "done" })));
      held.set(key, []);
      const release = async (): Promise<void> => {
        const others = held.get(key) ?? [];
        held.delete(key);
        for (const each of others) each();
      };
      return Promise.resolve({ state: "held", release });
    },
  };
  const shared = {
    ...store,
    flightLock,
    listen: (listener: (removed: PurgeSelector) => void) => listeners.push(listener),
  };
  return {
    engines: Array.from({ length: count }, () => createCacheEngine({ store: shared })),
    tellAll: (removed) => listeners.forEach((listener) => listener(removed)),
  };
}

async function plainRequest(): Promise<SourceRequest> {
  const bench = createBench();
  await bench.ask("/a");
  const [request] = bench.asked;
  assert.ok(request !== undefined);
  return request;
}

it("many requests to several nodes for one cold key reach the source once", async () => {
  const { engines } = nodes(3);
  const request = await plainRequest();
  let count = 0;
  const gate = Promise.withResolvers<void>();
  const resolve = async (): Promise<SourceReply> => {
    count++;
    await gate.promise;
    return reply("one", MINUTE);
  };
  const all = Array.from({ length: 300 }, async (_, id) => engines[id % 3]?.recall(request, resolve));
  await settle();
  gate.resolve();
  for (const got of await Promise.all(all)) assert.equal(await textOf(got?.body), "one");
  assert.equal(count, 1);
});

it("nodes fetch on their own what may not be shared, and give the lock back", async () => {
  const { engines } = nodes(2);
  const request = await plainRequest();
  let count = 0;
  const resolve = (): SourceReply => reply(String(++count), { "cache-control": "private" });
  for (let round = 0; round < 2; round++)
    await Promise.all(engines.map(async (engine) => engine.recall(request, resolve)));
  assert.equal(count, 4);
  const other = { ...request, target: "/b", headers: {} };
  for (const engine of engines) await assert.rejects(async () => engine.recall(other, fail));
});

it("what another node removed does not come back with a fetch under way here", async () => {
  const { engines, tellAll } = nodes(1);
  const request = await plainRequest();
  const gate = Promise.withResolvers<void>();
  const fetching = engines[0]?.recall(request, async () => {
    await gate.promise;
    return reply("old", MINUTE);
  });
  await settle();
  tellAll({ kind: "key", key: "http://api.example/a" });
  gate.resolve();
  await fetching;
  const got = await engines[0]?.recall(request, () => reply("new", MINUTE));
  assert.equal(await textOf(got?.body), "new");
});

function fail(): SourceReply {
  throw new Error("unreachable");
}
