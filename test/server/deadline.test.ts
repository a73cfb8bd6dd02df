import assert from "node:assert/strict";
import { createServer, type IncomingMessage } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { describe, it } from "node:test";
import { upstream } from "../../src/server/define-api.ts";
import { queryRows, testDatabase } from "../support/postgres.ts";
import { serve, serveSources } from "../support/server.ts";
import { until } from "../postgres/pool/fixture.ts";

const SLOW = `create view slow as select 1 as a from pg_sleep(30); create table quick (a int); insert into quick values (1)`;
const SLEEPING =
  "select 1 from pg_stat_activity where state = 'active' and wait_event = 'PgSleep' and datname = current_database()";

describe("a deadline", () => {
  it("cancels the statement in the server, and is answered 504", async (t) => {
    const database = await testDatabase(t, { sql: SLOW });
    const api = await serve(t, database, { server: { http: { deadline: "400ms" } } });
    const answer = await api.get("/slow");
    assert.equal(answer.status, 504);
    assert.equal((JSON.parse(answer.text) as { code: string }).code, "HP_DEADLINE");
    await until(async () => (await queryRows(database, SLEEPING)).length === 0, "the statement is cancelled");
    assert.equal((await api.get("/quick")).status, 200);
    await until(async () => /status_code="504"/.test(await api.metrics()), "it counts as 504");
  });

  it("may be set shorter by a client, in seconds, and not longer", async (t) => {
    const database = await testDatabase(t, { sql: SLOW });
    const api = await serve(t, database, { server: { http: { deadline: "1s" } } });
    assert.equal((await api.get("/slow", { "request-timeout": "0.2" })).status, 504);
    assert.equal((await api.get("/slow", { "request-timeout": "3600" })).status, 504);
    assert.equal((await api.get("/quick", { "request-timeout": "30" })).status, 200);
    for (const wrong of ["soon", "-1", "1s", "1e3"]) {
      assert.equal((await api.get("/quick", { "request-timeout": wrong })).status, 400, wrong);
    }
  });

  it("leaves an upstream no more time than is left, and lets go of it", async (t) => {
    const seen = Promise.withResolvers<IncomingMessage>();
    const origin = createServer((request) => seen.resolve(request)).listen(0, "127.0.0.1");
    await once(origin, "listening");
    t.after(() => origin.close());
    const { port } = origin.address() as AddressInfo;
    const api = await serveSources(t, { "/": upstream(`http://127.0.0.1:${port}`) }, { http: { deadline: "10s" } });
    const answer = api.get("/", { "request-timeout": "0.5" });
    const request = await seen.promise;
    const left = Number(request.headers["request-timeout"]);
    assert.ok(left > 0 && left <= 0.5, String(left));
    // Its end is the other side's: an error to Node, and what is wanted here.
    const closed = new Promise((resolve) => request.once("error", resolve));
    assert.equal((await answer).status, 504);
    await closed;
  });
});
