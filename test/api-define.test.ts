import assert from "node:assert/strict";
import { test } from "node:test";
import { definitionOf } from "../src/api/definition.ts";
import { HotpathError } from "../src/errors.ts";
import { type ApiOptions, defineApi, postgres } from "../src/server/define-api.ts";
import { defer } from "./support/defer.ts";
import { testDatabase } from "./support/postgres.ts";
import { serve, serveSources } from "./support/server.ts";

const constant = { name: "constant", resolve: () => ({ status: 200, headers: {}, body: "here" }) };
const ZERO = { server: { port: 0 }, admin: { port: 0 }, log: { level: "silent" } } as const;

test("declaring opens nothing, and the same declaration can be served twice", async (t) => {
  const url = await testDatabase(t, { sql: "create table users (id int primary key); insert into users values (1)" });
  const api = defineApi({ sources: { "/": postgres(url), "/fixed": constant } });
  assert.deepEqual(Object.keys(definitionOf(api)?.sources ?? {}), ["/", "/fixed"]);
  // A declaration for a server that is not there is as good until it is served.
  defineApi({ sources: { "/": postgres("postgres://nobody@127.0.0.1:1/none") } });
  const servers = [await api.listen(ZERO), await api.listen(ZERO)];
  defer(t, async () => void (await Promise.all(servers.map((server) => server.close()))));
  for (const server of servers) {
    assert.equal(await (await fetch(`${server.url}/users/1`)).text(), '{"id":1}');
    assert.equal(await (await fetch(`${server.url}/fixed`)).text(), "here");
  }
});

test("several databases, each below its path and in its own words", async (t) => {
  const one = await testDatabase(t, {
    sql: "create table things (id int primary key, name text); insert into things values (1, 'one'), (2, 'more')",
  });
  const two = await testDatabase(t, {
    sql: "create schema api; create table api.things (id int primary key, name text); insert into api.things values (1, 'two')",
  });
  const api = await serveSources(t, {
    "/one": postgres(one, { maxRows: 1 }),
    "/two/deep": postgres(two, { schemas: ["api"], rowPaths: false }),
  });
  assert.deepEqual(await api.json("/one/things?order=id"), [{ id: 1, name: "one" }]);
  assert.deepEqual(await api.json("/two/deep/things"), [{ id: 1, name: "two" }]);
  assert.equal((await api.get("/one/things/1")).status, 200);
  assert.equal((await api.get("/two/deep/things/1")).status, 404);
  assert.equal((await api.get("/things")).status, 404);
  const location = (await api.get("/two/deep/things?id=eq.1")).headers["content-location"];
  assert.equal(location, "/two/deep/things?id=eq.1");
  const metrics = await api.metrics();
  for (const endpoint of ["/one/things", "/two/deep/things", "/one/things/:key"])
    assert.ok(metrics.includes(`endpoint="${endpoint}"`), endpoint);
  // Metrics that both have are one metric, told apart by where they are mounted.
  for (const mount of ["/one", "/two/deep"])
    assert.ok(metrics.includes(`hotpath_pool_reachable{mount="${mount}"} 1`), mount);
  assert.match(metrics, /^hotpath_pool_connections\{mount="\/one",state="idle"\} \d+$/m);
});

test("options: the argument of listen before the environment before the declaration", async (t) => {
  const url = await testDatabase(t, {
    sql: "create table rows (id int primary key); insert into rows select generate_series(1, 5)",
  });
  const rows = async (): Promise<number> => {
    const api = await serve(t, url, { postgres: { maxRows: 4 } });
    return ((await api.json("/rows")) as unknown[]).length;
  };
  assert.equal(await rows(), 4);
  process.env["HOTPATH_MAX_ROWS"] = "2";
  t.after(() => delete process.env["HOTPATH_MAX_ROWS"]);
  assert.equal(await rows(), 2);
  delete process.env["HOTPATH_MAX_ROWS"];

  const declared = defineApi({ ...ZERO, sources: { "/": constant }, admin: { enabled: false } });
  process.env["HOTPATH_ADMIN"] = "true";
  t.after(() => delete process.env["HOTPATH_ADMIN"]);
  const withAdmin = await declared.listen({ admin: { port: 0 } });
  assert.notEqual(withAdmin.adminUrl, undefined);
  await withAdmin.close();
  const without = await declared.listen({ admin: { enabled: false } });
  assert.equal(without.adminUrl, undefined);
  await without.close();
});

test("what cannot be meant is refused by name before anything opens", async () => {
  const refused: readonly [unknown, unknown, string, RegExp][] = [
    [{ sources: {} }, {}, "HP_OPTION_INVALID", /at least one source/],
    [{}, {}, "HP_OPTION_INVALID", /source/],
    [{ sources: { "/": 5 } }, {}, "HP_OPTION_INVALID", /"\/"/],
    [{ sources: { users: constant } }, {}, "HP_OPTION_INVALID", /"users"/],
    [{ sources: { "/a//b": constant } }, {}, "HP_OPTION_INVALID", /\/a\/\/b/],
    [{ sources: { "/a": constant, "/a/": constant } }, {}, "HP_OPTION_INVALID", /twice/],
    [{ sources: { "/": constant }, compresion: {} }, {}, "HP_OPTION_UNKNOWN", /compresion/],
    [{ sources: { "/": constant }, server: { prot: 1 } }, {}, "HP_OPTION_UNKNOWN", /prot/],
    [{ sources: { "/": constant } }, { server: { port: 70_000 } }, "HP_OPTION_INVALID", /port/],
    [{ sources: { "/": postgres("mysql://localhost/x") } }, {}, "HP_OPTION_INVALID", /postgres/],
    [
      { sources: { "/": postgres("postgres://u:hunter2@localhost/x", { maxRow: 1 } as object) } },
      {},
      "HP_OPTION_UNKNOWN",
      /maxRow/,
    ],
    [
      { sources: { "/": postgres("postgres://u:hunter2@localhost/x", { pool: { max: 0 } }) } },
      {},
      "HP_OPTION_INVALID",
      /pool\.max/,
    ],
  ];
  for (const [options, argument, code, words] of refused) {
    await assert.rejects(
      async () => defineApi(options as ApiOptions).listen(argument as object),
      (error: unknown) => {
        assert.ok(error instanceof HotpathError, String(error));
        assert.equal(error.code, code, error.message);
        assert.match(`${error.message} ${error.todo}`, words);
        assert.doesNotMatch(error.message, /hunter2/);
        return true;
      },
    );
  }
});
