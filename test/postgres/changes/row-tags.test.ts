import assert from "node:assert/strict";
import { test } from "node:test";
import { testDatabase } from "../../support/postgres.ts";
import { cacheOutcome, type Following, serveFollowing, serveTracked } from "./following.ts";
import { CASES, type Fate, SCHEMA } from "./row-tag-cases.ts";

test("a change takes away the replies that it makes out of date, and as few others as the log tells apart", async (t) => {
  const url = await testDatabase(t, { sql: SCHEMA });
  const api = await serveFollowing(t, url, { postgres: { aggregates: true } });
  for (const [path, sql, fate] of CASES) await t.test(`${path}, ${sql}: ${fate}`, () => tryCase(api, path, sql, fate));
});

test("triggers tell as much, of old rows too", async (t) => {
  const url = await testDatabase(t, { sql: SCHEMA });
  const api = await serveTracked(t, url, { postgres: { aggregates: true } });
  for (const [path, sql, fate] of CASES) {
    // A statement that names a table fires no trigger of one that inherits from it.
    if (/animals|cats/.test(path)) continue;
    const told = fate === "may go" ? "stays" : fate;
    await t.test(`${path}, ${sql}: ${told}`, () => tryCase(api, path, sql, told));
  }
  assert.equal(cacheOutcome(await api.warm("/animals?id=eq.12")), "not-followed");
});

async function tryCase(api: Following, path: string, sql: string, fate: Fate): Promise<void> {
  const encoded = path.replaceAll(" ", "%20");
  await api.cached(encoded);
  const flushes = await api.flushes();
  await api.change(sql);
  const after = await api.get(encoded);
  const isFlushed = (await api.flushes()) > flushes;
  const fresh = await api.get(encoded, { "cache-control": "no-cache" });
  assert.equal(after.text, fresh.text, "the cache answers what the database has");
  if (fate !== "may go" && !isFlushed) assert.equal(cacheOutcome(after) === "hit" ? "stays" : "goes", fate);
}
