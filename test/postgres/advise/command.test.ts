import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { loadShop } from "../../../src/demo/shop.ts";
import { runHotpath } from "../../cli/run-hotpath.ts";
import { testDatabase, testFolder, vacuumed } from "../../support/postgres.ts";
import { serve } from "../../support/server.ts";

await test("the command advises for a log of requests and for a running server, and says what it cannot", async (t) => {
  const url = await testDatabase(t);
  await loadShop(url, { scale: 0.1 });
  await vacuumed(url);
  const directory = await testFolder(t);
  const log = [
    ...Array.from({ length: 30 }, (_, i) => `/orders?status=eq.refunded&total=gt.${i}&order=total.desc&limit=10`),
    "/nothing?secret=eq.SECRET",
  ];
  await writeFile(join(directory, "access.log"), log.map(toLine).join(""));
  const fromLog = await runHotpath(["advise", url, "--from", "access.log", "--base", "/api", "--build"], { directory });
  assert.equal(fromLog.status, 0, fromLog.err);
  // Each request asks for the same status: an index of those orders alone would do, too.
  assert.match(fromLog.out, /create index concurrently \S+ on public\.orders \((?:status, total|total)[^)]*\)/);
  assert.match(fromLog.out, /\/api\/orders\?status=eq…&total=gt…&order=total\.desc&limit=10/);
  assert.match(fromLog.out, /times less\.\n/);
  assert.match(fromLog.out, /\/api\/nothing \(1\): Could not find the table/);
  assert.doesNotMatch(fromLog.out, /SECRET/);

  const api = await serve(t, url, { postgres: { queryCache: { enabled: false } } });
  for (let turn = 0; turn < 10; turn++) await api.json(`/orders?status=eq.paid&order=total.desc&limit=${10 + turn}`);
  const live = await runHotpath(["advise", "--from", "live", "--admin-url", api.adminUrl]);
  assert.equal(live.status, 0, live.err);
  assert.match(live.out, /statements of this server; estimated, not verified/);
  assert.match(live.out, /on public\.orders \(status, total/);

  const without = await runHotpath(["advise", url]);
  assert.equal(without.status, 1);
  assert.match(without.err, /pg_stat_statements.*HP_ADVICE_UNAVAILABLE/s);
  const nowhere = await runHotpath(["advise", url, "--from", "nowhere.log"], { directory });
  assert.equal(nowhere.status, 2);
  assert.match(nowhere.err, /there is no file nowhere\.log/);
});

/** A line of the combined log format. */
function toLine(target: string): string {
  return `::1 - - [27/Nov/2026:10:00:00 +0000] "GET /api${target} HTTP/1.1" 200 12 "-" "-"\n`;
}
