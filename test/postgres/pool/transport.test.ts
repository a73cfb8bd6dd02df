import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { TLSSocket } from "node:tls";
import { generate } from "selfsigned";
import { defer, type TestScope } from "../../support/defer.ts";
import { queryRows, runSql, testDatabase } from "../../support/postgres.ts";
import { command, failureOf, scalar, testPool, until } from "./fixture.ts";

/** Passes connections on to the database; `wrap` may put a layer on the client's side. */
async function relay(
  t: TestScope,
  url: string,
  listenOn: string | number,
  wrap: (socket: Socket, use: (plain: Socket) => void) => void,
  answer: (chunk: Buffer, plain: Socket) => void = (chunk, plain) => plain.write(chunk),
): Promise<Server> {
  const { hostname, port } = new URL(url);
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on("error", () => socket.destroy());
    wrap(socket, (plain) => {
      const upstream = connect(Number(port), hostname);
      open.add(upstream);
      upstream.on("error", () => plain.destroy());
      plain.on("error", () => upstream.destroy());
      plain.pipe(upstream);
      upstream.on("data", (chunk) => answer(chunk, plain));
      upstream.on("end", () => plain.end());
    });
  });
  server.listen(listenOn);
  await once(server, "listening");
  defer(t, () => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  return server;
}

/** ReadyForQuery, without its status. */
const READY = Buffer.from([0x5a, 0, 0, 0, 5]);

const CANCEL_REQUEST = 80_877_102;

function direct(socket: Socket, use: (plain: Socket) => void): void {
  use(socket);
}

/** The URL that leads through a relay. */
function through(server: Server, url: string, host = "127.0.0.1"): string {
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  const relayed = new URL(url);
  relayed.host = `${host}:${address.port}`;
  return relayed.href;
}

describe("ways to the server", () => {
  it("a Unix socket named in the URL", async (t) => {
    const url = await testDatabase(t);
    const folder = await mkdtemp(join(tmpdir(), "hotpath-socket-"));
    defer(t, () => rm(folder, { recursive: true, force: true }));
    await relay(t, url, join(folder, ".s.PGSQL.5432"), direct);
    const { username, password, pathname } = new URL(url);
    const local = `postgresql:///${pathname.slice(1)}?host=${folder}&user=${username}&password=${password}`;
    const { pool } = testPool(t, local, { max: 2 });
    await pool.start();
    assert.equal(`/${await scalar(pool, "select current_database()")}`, pathname);
    const left = failureOf(pool.run([command("select pg_sleep(30)")], { timeoutMs: 50 }));
    assert.equal((await left).code, "HP_DEADLINE");
    await until(() => pool.stats().idle === 1, "the statement was cancelled");
  });

  it("TLS as sslmode says, also for cancel requests", async (t) => {
    const url = await testDatabase(t);
    const { private: key, cert } = await generate([{ name: "commonName", value: "localhost" }]);
    let encrypted = 0;
    const server = await relay(t, url, 0, (socket, use) => {
      // SSLRequest is 8 bytes; the answer S begins the handshake.
      socket.once("data", () => {
        const secured = new TLSSocket(socket, { isServer: true, key, cert });
        secured.once("secure", () => encrypted++);
        socket.write("S");
        use(secured);
      });
    });
    const secure = new URL(through(server, url, "localhost"));
    secure.searchParams.set("sslmode", "no-verify");
    const { pool } = testPool(t, secure.href, { max: 1 });
    await pool.start();
    assert.equal(await scalar(pool, "select 1"), "1");
    await failureOf(pool.run([command("select pg_sleep(30)")], { timeoutMs: 50 }));
    assert.equal(await scalar(pool, "select 'cancelled in time'"), "cancelled in time");
    assert.equal(encrypted, 2);

    secure.searchParams.set("sslmode", "verify-full");
    const strict = testPool(t, secure.href).pool;
    assert.equal((await failureOf(strict.start())).code, "HP_DATABASE_REFUSED");
  });
});

describe("a way that breaks", () => {
  it("after an error's answer leaves that error, and never sends again what the server may have done", async (t) => {
    const url = await testDatabase(t, { sql: "create table written (id int)" });
    const server = await relay(t, url, 0, direct, (chunk, plain) => {
      // Everything from the ReadyForQuery after the error on is lost.
      const error = chunk.indexOf("division by zero");
      const ready = chunk.indexOf(READY, Math.max(error, 0));
      if (error < 0) plain.write(chunk);
      else plain.end(ready < 0 ? chunk : chunk.subarray(0, ready));
    });
    const { pool } = testPool(t, through(server, url), { max: 1 });
    await pool.start();
    const failing = failureOf(scalar(pool, "select 1 / 0"));
    const behind = failureOf(pool.run([command("insert into written values (1)")]));
    assert.equal((await failing).code, "22012");
    assert.equal((await behind).mayHaveExecuted, true);
    const count = "select count(*) from written";
    await until(async () => (await scalar(pool, count)) !== "0", "the server has done it");
    assert.equal(await scalar(pool, count), "1");
  });

  it("for a while, for a cancel request, never makes it hit the next caller's statement", async (t) => {
    const url = await testDatabase(t);
    const arrived = Promise.withResolvers<() => void>();
    const server = await relay(t, url, 0, (socket, use) => {
      socket.once("data", (first: Buffer) => {
        socket.pause();
        socket.unshift(first);
        if (first.length === 16 && first.readInt32BE(4) === CANCEL_REQUEST) arrived.resolve(() => use(socket));
        else use(socket);
      });
    });
    const { pool } = testPool(t, through(server, url), { max: 1 });
    await pool.start();
    const controller = new AbortController();
    const left = failureOf(pool.run([command("select pg_sleep(0.1)")], { signal: controller.signal }));
    await until(() => pool.stats().inFlight === 1, "it is sent");
    controller.abort(new Error("left"));
    await left;
    const next = scalar(pool, "select 'mine' from pg_sleep(0.3)");
    const deliver = await arrived.promise;
    const active =
      "select from pg_stat_activity where datname = current_database() and query like '%pg_sleep(0.1)%' and state = 'active' and pid <> pg_backend_pid()";
    await until(async () => (await queryRows(url, active)).length === 0, "the statement ended by itself");
    await queryRows(url, active);
    deliver();
    assert.equal(await next, "mine");
    assert.equal(pool.stats().connectionsLost, 0);
  });

  it("without a word is noticed, and calls go another way", async (t) => {
    const url = await testDatabase(t);
    let isCut = false;
    const server = await relay(t, url, 0, direct, (chunk, plain) => {
      if (!isCut) plain.write(chunk);
    });
    const { pool } = testPool(t, through(server, url), {
      max: 1,
      statementTimeoutMs: 100,
      connectTimeoutMs: 200,
      idleTimeoutMs: 100,
    });
    await pool.start();
    isCut = true;
    const error = await failureOf(scalar(pool, "select 1"));
    assert.equal(error.code, "HP_DATABASE_UNREACHABLE");
    assert.equal(error.mayHaveExecuted, true);
    isCut = false;
    assert.equal(await scalar(pool, "select 2"), "2");
  });
});

describe("a listener", () => {
  it("hears what is said on its channel, also after its connection was cut, and says when it may have missed something", async (t) => {
    const url = await testDatabase(t);
    const { pool } = testPool(t, url);
    const heard: string[] = [];
    let begun = 0;
    const listener = pool.listen(
      'odd "channel"',
      (payload) => heard.push(payload),
      () => begun++,
    );
    const listening = `select pid from pg_stat_activity where datname = current_database() and query like 'listen%' and datname = current_database()`;
    await until(() => begun === 1, "it listens");
    await runSql(url, `notify "odd ""channel""", 'first'`);
    await until(() => heard.length === 1, "the first is heard");
    await queryRows(url, listening.replace("select pid", "select pg_terminate_backend(pid)"));
    await until(() => begun === 2, "it listens again");
    await runSql(url, `notify "odd ""channel""", 'second'`);
    await until(() => heard.length === 2, "the second is heard");
    assert.deepEqual(heard, ["first", "second"]);
    await listener.close();
    await until(async () => (await queryRows(url, listening)).length === 0, "it is gone");
  });
});

describe("a process", () => {
  it("ends by itself once its pool is closed, also with the server down", async (t) => {
    const url = await testDatabase(t);
    const pool = new URL("../../../src/postgres/pool/index.ts", import.meta.url).href;
    const fixture = new URL("./fixture.ts", import.meta.url).href;
    const program = `
      const { createPool, createStatement } = await import(${JSON.stringify(pool)});
      const { CALM } = await import(${JSON.stringify(fixture)});
      const log = { debug() {}, info() {}, warn() {}, error() {} };
      for (const url of [${JSON.stringify(url)}, "postgres://me@127.0.0.1:1/none"]) {
        const pool = createPool({ ...CALM, url, minIdle: 2, leakWarningMs: 1000 }, log);
        await pool.start();
        pool.listen("channel", () => {}, () => {});
        await pool.run([{ statement: createStatement("select 1"), values: [] }]).catch(() => {});
        await pool.close();
      }`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", program], { stdio: "inherit" });
    const limit = setTimeout(() => child.kill("SIGKILL"), 15_000);
    const [code] = await once(child, "exit");
    clearTimeout(limit);
    assert.equal(code, 0);
  });
});
