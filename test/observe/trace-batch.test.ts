import assert from "node:assert/strict";
import { test } from "node:test";
import { type ApiDefinition, resolveDefinition } from "../../src/api/definition.ts";
import { createLog } from "../../src/observe/log.ts";
import type { Span } from "../../src/observe/trace/span.ts";
import { loadSourceFactories } from "../../src/server/source-factories.ts";
import { startServer } from "../../src/server/start.ts";
import { defer } from "../support/defer.ts";
import { testDatabase } from "../support/postgres.ts";

const FILMS =
  "create table films (id int primary key, title text); insert into films select n, n from generate_series(1, 64) n";

await test("a statement that serves several requests is linked to all of them, and they to it", async (t) => {
  const url = await testDatabase(t, { sql: FILMS });
  const definition: ApiDefinition = {
    options: { server: { port: 0 }, admin: { enabled: false }, log: { level: "silent" } },
    sources: { "/": { kind: "postgres", url, options: { pool: { max: 1 }, queryCache: { enabled: false } } } },
  };
  const api = resolveDefinition(definition, {}, await loadSourceFactories(definition));
  const spans: Span[] = [];
  const server = await startServer(api, createLog({ level: "silent" }), {
    wants: (_trace, isKept) => isKept,
    sampler: { ratio: 1, heedsParent: true },
    ended: ({ trace }) => spans.push(...trace.spans),
    close: async () => undefined,
  });
  defer(t, () => server.close());
  const batches = (): readonly Span[] => spans.filter(({ name, links }) => name === "batch" && links !== undefined);
  // The first requests find out the parameters' types, and few come together when the machine is busy.
  for (let round = 0; round < 100 && batches().length === 0; round++) {
    await Promise.all(
      Array.from({ length: 64 }, async (_, at) => (await fetch(`${server.url}/films/${at + 1}`)).text()),
    );
  }
  const batch = batches()[0];
  assert.ok(batch !== undefined, "statements were shared");
  assert.match(String(batch.attributes?.["db.query.text"]), /ORDINALITY/i);
  const others = batch.links ?? [];
  assert.equal(batch.parent?.name, "SELECT films");
  assert.equal(batch.attributes?.["hotpath.batch.calls"], others.length + 1);
  assert.equal(new Set(others.map(({ trace }) => trace.id)).size, others.length);
  for (const other of others) assert.ok(other.name === "SELECT films" && other.links?.includes(batch));
  const waits = spans
    .filter(({ name }) => name === "SELECT films")
    .map(({ attributes }) => attributes?.["hotpath.pool.wait_ms"]);
  assert.ok(waits.length > 0 && waits.every((wait) => typeof wait === "number" && wait >= 0));
});
