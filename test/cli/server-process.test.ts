import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test, type TestContext } from "node:test";
import { freePort } from "../../src/demo/cluster.ts";
import { privateCluster, runSql, testDatabase } from "../support/postgres.ts";
import { runHotpath, startHotpath, type Outcome, type RunOptions } from "./run-hotpath.ts";

const SHOP = `
  create table users (id int primary key, name text);
  insert into users values (1, 'Ada'), (2, 'Grace');
  create view names as select name from users;
`;
const INDEX = new URL("../../src/index.ts", import.meta.url).href;
const FREE_PORTS = ["--port", "0", "--admin-port", "0"];

describe("hotpath serve", { concurrency: 4 }, () => {
  test("says what it serves where, serves it, and ends with 0 on SIGTERM", async (t) => {
    const database = await testDatabase(t, { sql: SHOP });
    const server = await start(t, ["serve", database, ...FREE_PORTS]);
    assert.deepEqual(await get(`${server.url}/users/1`), { id: 1, name: "Ada" });
    assert.equal((await fetch(`${server.adminUrl}/ready`)).status, 200);
    const { status, out, err } = await server.stop("SIGTERM");
    assert.equal(status, 0);
    assert.match(out, /test_\S+ at 127\.0\.0\.1:\d+ \(1 table, 1 view\)/);
    const { password, username } = new URL(database);
    assert.ok(!`${out}${err}`.includes(`${username}:`) && (password === "" || !`${out}${err}`.includes(password)));
  });

  test("takes the URL from the environment, and a base path", async (t) => {
    const HOTPATH_DATABASE_URL = await testDatabase(t, { sql: SHOP });
    const environment = { HOTPATH_DATABASE_URL, HOTPATH_PORT: "0", HOTPATH_ADMIN: "false" };
    const directory = await emptyFolder(t);
    const server = await start(t, ["serve", "--base-path", "/api/"], { environment, directory });
    assert.match(server.url, /\/api$/);
    assert.deepEqual(await get(`${server.url}/names?order=name&limit=1`), [{ name: "Ada" }]);
    assert.equal((await fetch(new URL("/users", server.url))).status, 404);
    assert.equal(server.adminUrl, undefined);
    assert.equal((await server.stop("SIGINT")).status, 0);
  });

  test("serves what a config file declares; flags come before it", async (t) => {
    const database = await testDatabase(t, { sql: SHOP });
    const directory = await emptyFolder(t);
    const text = `import { defineApi, postgres } from ${JSON.stringify(INDEX)};
      const url: string = ${JSON.stringify(database)};
      export default defineApi({
        server: { port: 1 },
        admin: { port: 0 },
        sources: { "/shop": postgres(url, { maxRows: 1 }) },
      });`;
    await writeFile(join(directory, "hotpath.config.mts"), text);
    const server = await start(t, ["serve", "--port", "0"], { directory });
    assert.equal(((await get(`${server.url}/users`)) as unknown[]).length, 1);
    assert.equal((await server.stop("SIGTERM")).status, 0);
  });

  test("reads the database's structure again on SIGUSR1, and opens no debugger", async (t) => {
    const database = await testDatabase(t, { sql: SHOP });
    // Following changes would see the new table by itself, sooner or later.
    const unwatched = ["--reload-channel", "none", "--no-query-cache"];
    const server = await start(t, ["serve", database, ...FREE_PORTS, ...unwatched]);
    await runSql(database, "create table later (id int primary key)");
    assert.equal((await fetch(`${server.url}/later`)).status, 404);
    const reloaded = server.said(/catalog loaded[^]*catalog loaded/);
    server.kill("SIGUSR1");
    await reloaded;
    assert.deepEqual(await get(`${server.url}/later`), []);
    const { err } = await server.stop("SIGTERM");
    assert.doesNotMatch(err, /Debugger/);
  });

  test("starts without the database's server, says so and answers 503", async (t) => {
    const argv = ["serve", "postgres://user:hunter2@127.0.0.1:1/shop", ...FREE_PORTS, "--log-level", "silent"];
    const server = await start(t, argv, {}, /listens; it answers 503 until it reaches what it serves/);
    assert.equal((await fetch(`${server.url}/users`)).status, 503);
    assert.equal((await fetch(`${server.adminUrl}/ready`)).status, 503);
    const { status, out, err } = await server.stop("SIGTERM");
    assert.equal(status, 0);
    assert.ok(!`${out}${err}`.includes("hunter2"));
  });

  test("lets a request under way finish at the first signal, and ends at once at the second", async (t) => {
    const sql = `${SHOP} create view slow as select 1 as one from pg_sleep(20);`;
    const database = await testDatabase(t, { sql });
    const server = await start(t, ["serve", database, ...FREE_PORTS]);
    const controller = new AbortController();
    const slow = fetch(`${server.url}/slow`, { signal: controller.signal }).catch(() => undefined);
    await get(`${server.url}/users`);
    const stopping = server.said(/stopping/);
    server.kill("SIGTERM");
    await stopping;
    const { status } = await server.stop("SIGTERM");
    assert.equal(status, 143);
    controller.abort();
    await slow;
  });

  test("names the flag when its port is in use", async (t) => {
    const database = await testDatabase(t);
    const blocker = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => blocker.once("listening", resolve));
    t.after(() => blocker.close());
    const { port } = blocker.address() as AddressInfo;
    for (const [flag, other] of [
      ["--port", "--admin-port"],
      ["--admin-port", "--port"],
    ] as const) {
      const { status, err } = await runHotpath([
        "serve",
        database,
        flag,
        String(port),
        other,
        "0",
        "--log-level",
        "silent",
      ]);
      assert.equal(status, 1);
      assert.match(err, new RegExp(`${port}[^]* ${flag}[^]*HP_PORT_IN_USE`));
    }
  });

  test("says what is wrong with the database, without a stack or the password", async (t) => {
    const database = new URL(await testDatabase(t));
    const cases: [change: (url: URL) => void, flags: string[], message: RegExp][] = [
      [(url) => (url.pathname = "/no_such_database"), [], /no_such_database[^]*HP_DATABASE_REFUSED/],
      [(url) => (url.username = "no_such_user"), [], /no_such_user[^]*HP_DATABASE_REFUSED/],
      [() => undefined, ["--schemas", "nope"], /nope[^]*HP_SCHEMA_UNKNOWN/],
    ];
    for (const [change, flags, message] of cases) {
      const url = new URL(database);
      url.password ||= "hunter2";
      change(url);
      const argv = ["serve", url.href, ...FREE_PORTS, "--log-level", "silent", ...flags];
      const { status, out, err } = await runHotpath(argv);
      assert.match(err, message);
      assert.doesNotMatch(out + err, /\n +at /);
      assert.ok(!err.includes(url.password));
      assert.equal(status, 1);
    }
  });
});

describe("hotpath postgrest", { concurrency: 2 }, () => {
  test("takes its settings from PostgREST's variables and file, and warns once for each it does not know", async (t) => {
    const database = await testDatabase(t, { sql: SHOP });
    const directory = await emptyFolder(t);
    await writeFile(join(directory, "pgrst.conf"), `db-uri = "${database}"\ndb-max-rows = 2\n`);
    const environment = {
      PGRST_DB_MAX_ROWS: "1",
      PGRST_DB_ANON_ROLE: new URL(database).username,
      PGRST_SERVER_HOST: "127.0.0.1",
      PGRST_SERVER_PORT: "0",
      PGRST_DB_SCHEMAZ: "x",
    };
    const server = await start(t, ["postgrest", "pgrst.conf"], { environment, directory });
    assert.deepEqual(await get(`${server.url}/users?order=id`), [{ id: 1, name: "Ada" }]);
    assert.equal((await fetch(`${server.url}/users/1`)).status, 404);
    const { status, err } = await server.stop("SIGTERM");
    const warnings = err.split("\n").filter((line) => line.startsWith("hotpath: warning:"));
    assert.deepEqual(warnings, [
      "hotpath: warning: PGRST_DB_SCHEMAZ is not a setting that hotpath knows; it has no effect. Did you mean PGRST_DB_SCHEMAS?",
    ]);
    assert.equal(status, 0);
  });

  test("reads its configuration again on SIGUSR2 and when the database says so, and answers meanwhile", async (t) => {
    const database = await testDatabase(t, { sql: `${SHOP} ${maxRows(1)}` });
    const directory = await emptyFolder(t);
    const file = (port: number) =>
      writeFile(
        join(directory, "pgrst.conf"),
        `db-uri = "${database}"\ndb-anon-role = "postgres"\ndb-pre-config = "settings"\nserver-host = "127.0.0.1"
         server-port = ${port}\nserver-trace-header = "${port === 0 ? "" : "X-Trace"}"\napp.settings.x = "1"\n`,
      );
    await file(0);
    const server = await start(t, ["postgrest", "pgrst.conf"], { directory });
    const rows = async () => ((await get(`${server.url}/users`)) as unknown[]).length;
    assert.equal(await rows(), 1);

    await runSql(database, `${maxRows(2)} notify pgrst, 'reload config'`);
    await server.said(/read again and is in force/);
    assert.equal(await rows(), 2);

    await file(1);
    server.kill("SIGUSR2");
    await server.said(/in force[^]*server-port in pgrst.conf takes effect at the next start[^]*in force/);
    const answer = await fetch(`${server.url}/users`, { headers: { "x-trace": "abc" } });
    assert.equal(answer.headers.get("x-trace"), "abc");

    await runSql(database, "create or replace function settings() returns text language sql as 'select (1 / 0)::text'");
    server.kill("SIGUSR2");
    await server.said(/could not be read; going on with the old one/);
    assert.equal(await rows(), 2);
    assert.equal((await server.stop("SIGTERM")).status, 0);
  });

  test("serves nothing before the database has said who may do what, and is ready once it has", async (t) => {
    const cluster = await privateCluster(t);
    await runSql(cluster.url, `${SHOP} ${maxRows(1)}`);
    await cluster.stop();
    const environment = {
      PGRST_DB_URI: cluster.url,
      PGRST_DB_ANON_ROLE: "postgres",
      PGRST_DB_PRE_CONFIG: "settings",
      PGRST_SERVER_HOST: "127.0.0.1",
      PGRST_SERVER_PORT: "0",
      PGRST_ADMIN_SERVER_PORT: String(await freePort()),
    };
    const server = await start(
      t,
      ["postgrest"],
      { environment },
      /listens; it answers 503 until it reaches what it serves/,
    );
    const reply = await fetch(`${server.url}/users`);
    assert.deepEqual([reply.status, reply.headers.get("retry-after")], [503, "1"]);
    const early = await runHotpath(["postgrest", "--ready"], { environment });
    assert.deepEqual([early.status, /answers 503/.test(early.err)], [1, true]);

    await cluster.start();
    await server.said(/read again and is in force/);
    assert.equal(((await get(`${server.url}/users`)) as unknown[]).length, 1);
    const ready = await runHotpath(["postgrest", "--ready"], { environment });
    assert.deepEqual([ready.status, ready.out], [0, `OK: ${server.adminUrl}/ready\n`]);
    assert.equal((await server.stop("SIGTERM")).status, 0);
  });
});

/** A function that sets the most rows of a reply. */
function maxRows(number: number): string {
  return `create or replace function settings() returns text language sql as $$ select set_config('pgrst.db_max_rows', '${number}', true) $$;`;
}

interface StartedServer {
  readonly url: string;
  readonly adminUrl: string | undefined;
  readonly said: (pattern: RegExp) => Promise<string>;
  kill(signal: NodeJS.Signals): void;
  stop(signal: NodeJS.Signals): Promise<Outcome>;
}

/** Starts a server command and waits until it says where it listens. Ended with the test in any case. */
async function start(
  t: TestContext,
  argv: readonly string[],
  options: RunOptions = {},
  first = /hotpath is ready/,
): Promise<StartedServer> {
  const { child, ended, said } = startHotpath(argv, options);
  t.after(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  const text = await said(new RegExp(`${first.source}\\n((?: {2}\\S.*\\n)+)`));
  const url = /^ {2}(http\S+)/.exec(text)![1]!;
  return {
    url,
    adminUrl: /^ {2}(http\S+) {2}admin/m.exec(text)?.[1],
    said,
    kill: (signal) => void child.kill(signal),
    stop: (signal) => {
      child.kill(signal);
      return ended;
    },
  };
}

async function get(url: string): Promise<unknown> {
  const reply = await fetch(url);
  assert.equal(reply.status, 200, url);
  return reply.json();
}

async function emptyFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "hotpath-serve-"));
  t.after(() => rm(folder, { recursive: true }));
  return folder;
}
