import assert from "node:assert/strict";
import { test } from "node:test";
import { resolveServerSettings } from "../../src/api/options.ts";
import { upstream } from "../../src/server/define-api.ts";
import { serveSources } from "../support/server.ts";
import { postgres } from "../../src/server/define-api.ts";
import { testDatabase } from "../support/postgres.ts";
import { echo, startOrigin } from "../upstream/harness.ts";

test("names of the prototype are names like any others, wherever they come from", async (t) => {
  const before = Object.getOwnPropertyNames(Object.prototype).sort();
  const sql = `create table note (id int primary key, "__proto__" text, "constructor" text);
    create function same(json) returns json language sql immutable as 'select $1';`;
  const { url } = await startOrigin(t, echo);
  const api = await serveSources(t, {
    "/": postgres(await testDatabase(t, { sql })),
    "/up": upstream(url, { fields: { parameter: "fields" } }),
  });
  const json = { "content-type": "application/json" };
  const hostile = '{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}';
  assert.equal((await api.send("POST", "/rpc/same", json, hostile)).text, hostile);
  const row = '{"id":1,"__proto__":"a","constructor":"b"}';
  assert.equal((await api.send("POST", "/note", json, row)).status, 201);
  assert.equal(
    (await api.get("/note?select=id,__proto__,constructor&__proto__=eq.a&order=constructor")).text,
    `[${row}]`,
  );
  for (const name of ["__proto__", "constructor", "toString", "hasOwnProperty"]) {
    assert.equal((await api.get(`/${name}`)).status, 404, name);
    assert.equal((await api.get(`/rpc/${name}`)).status, 404, name);
    const asked = await api.get(`/note?${name}.x=eq.1&select=${name}(*)`);
    assert.ok(asked.status >= 400 && asked.status < 500, asked.text);
    const headers = { [name]: "x", prefer: `${name}=x`, accept: `${name}/x`, "content-encoding": name };
    assert.ok((await api.send("POST", "/note", headers, "{}")).status < 500);
    assert.ok((await api.get(`/up/x?fields=${name},url(${name})`)).status < 500);
  }
  const batch = `{"__proto__":{"requests":[]},"requests":[{"path":"/note","headers":{"__proto__":"x","constructor":"y"}}]}`;
  assert.equal((await api.send("POST", "/batch", json, batch)).status, 200);
  const config = JSON.parse('{"__proto__":{"server":{"port":1}},"server":{"__proto__":{"port":2}}}') as object;
  assert.throws(() => resolveServerSettings({ config }), { code: "HP_OPTION_UNKNOWN" });
  assert.deepEqual(Object.getOwnPropertyNames(Object.prototype).sort(), before);
  assert.equal(({} as { polluted?: unknown }).polluted, undefined);
});
