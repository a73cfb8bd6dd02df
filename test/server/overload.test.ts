import assert from "node:assert/strict";
import { request as httpRequest } from "node:http";
import { connect } from "node:http2";
import { describe, it } from "node:test";
import type { Source, SourceReply } from "../../src/api/source.ts";
import type { SourceRequest } from "../../src/api/source-request.ts";
import { Client } from "pg";
import { resolveServerSettings } from "../../src/api/options.ts";
import { startServer } from "../../src/server/start.ts";
import { collect, type LogLine } from "./listener/harness.ts";
import { until } from "../postgres/pool/fixture.ts";
import { queryRows, testDatabase } from "../support/postgres.ts";
import { type Answer, serve, type ServedApi, serveSources } from "../support/server.ts";

/** Answers `/cached` at once, everything else when it is let go. */
class HeldSource implements Source {
  readonly name = "held";
  /** Paths in the order they were asked for. */
  readonly asked: string[] = [];
  readonly #held: (() => void)[] = [];

  async resolve({ path }: SourceRequest): Promise<SourceReply> {
    this.asked.push(path);
    if (path === "/cached") return { status: 200, headers: { "cache-control": "max-age=3600" }, body: "stored" };
    await new Promise<void>((resolve) => this.#held.push(resolve));
    return { status: 200, headers: { "cache-control": "no-store" }, body: path };
  }

  /** Lets the one go that was asked for first. */
  release(): void {
    this.#held.shift()?.();
  }
}

const PATIENT = { minLimit: 1, maxLimit: 1, delay: "1m" } as const;
const HURRIED = { minLimit: 1, maxLimit: 1, delay: "1ms" } as const;

async function waiting(api: ServedApi, count: number): Promise<void> {
  await until(async () => {
    const values = [...(await api.metrics()).matchAll(/^overload_waiting\{.*\} (\d+)$/gm)];
    return values.reduce((sum, [, value]) => sum + Number(value), 0) === count;
  }, `${count} requests wait`);
}

function codeOf({ text }: Answer): unknown {
  return (JSON.parse(text) as { code: string }).code;
}

describe("a source that is given as much as it can answer", () => {
  it("may be asked by the next while a reply is kept back for others to know of it", async (t) => {
    const due = new Map<string, PromiseWithResolvers<void>>();
    const source: Source = {
      name: "kept",
      async resolve({ path }) {
        const held = Promise.withResolvers<void>();
        due.set(path, held);
        return { status: 200, headers: {}, body: path, due: held.promise };
      },
    };
    const api = await serveSources(t, { "/": source }, { overload: PATIENT });
    const [first, second] = [api.get("/first"), api.get("/second")];
    // One at a time is let in, and neither is answered yet.
    await until(() => due.size === 2, "the second is let in");
    assert.match(await api.metrics(), /^overload_in_flight\{mount="\/"\} 0$/m);
    due.get("/second")?.resolve();
    assert.equal((await second).text, "/second");
    due.get("/first")?.reject(new Error("nobody could be told"));
    assert.equal((await first).status, 500);
  });

  it("gets no more: others wait for their turn, and are refused with a problem when it does not come", async (t) => {
    const source = new HeldSource();
    const api = await serveSources(t, { "/": source }, { overload: HURRIED });
    const first = api.get("/first");
    await until(() => source.asked.length === 1, "the first is with the source");
    const refused = await api.get("/second");
    assert.equal(refused.status, 503);
    assert.equal(refused.headers["content-type"], "application/problem+json");
    assert.equal(refused.headers["cache-control"], "no-store");
    assert.match(String(refused.headers["retry-after"]), /^[123]$/);
    assert.equal(codeOf(refused), "HP_OVERLOADED");
    source.release();
    assert.equal((await first).text, "/first");
    assert.deepEqual(source.asked, ["/first"]);
    const metrics = await api.metrics();
    assert.match(metrics, /overload_refusals_total\{mount="\/",reason="late",priority="normal"\} 1/);
    assert.match(metrics, /overload_limit\{mount="\/"\} 1/);
    assert.match(metrics, /overload_in_flight\{mount="\/"\} 0/);
  });

  it("is not asked for what the cache has, and neither that nor the admin listener is refused", async (t) => {
    const source = new HeldSource();
    const api = await serveSources(t, { "/": source }, { overload: HURRIED });
    assert.equal((await api.get("/cached")).text, "stored");
    const first = api.get("/first");
    await until(() => source.asked.includes("/first"), "the source is busy");
    for (let again = 0; again < 3; again++) {
      assert.equal((await api.get("/other")).status, 503);
      assert.equal((await api.get("/cached")).text, "stored");
      for (const path of ["/live", "/ready", "/metrics"]) {
        assert.equal((await fetch(`${api.adminUrl}${path}`)).status, 200, path);
      }
    }
    source.release();
    await first;
  });

  it("gets the most important first", async (t) => {
    const source = new HeldSource();
    const overload = { ...PATIENT, priorities: ["high=POST /orders"], trustedCallers: ["127.0.0.1"] };
    const api = await serveSources(t, { "/": source }, { overload });
    const answers = [api.get("/first")];
    await until(() => source.asked.length === 1, "the first is with the source");
    answers.push(api.get("/later", { priority: "u=7" }));
    await waiting(api, 1);
    answers.push(api.get("/usual"));
    await waiting(api, 2);
    answers.push(api.send("POST", "/orders"));
    await waiting(api, 3);
    answers.push(api.get("/trusted", { priority: "u=0" }));
    await waiting(api, 4);
    for (let turn = 1; turn <= answers.length; turn++) {
      await until(() => source.asked.length === turn, `turn ${turn}`);
      source.release();
    }
    for (const { status } of await Promise.all(answers)) assert.equal(status, 200);
    assert.deepEqual(source.asked, ["/first", "/orders", "/trusted", "/usual", "/later"]);
  });

  it("is not asked for those who have left, whose places are free at once", async (t) => {
    const source = new HeldSource();
    const api = await serveSources(t, { "/": source }, { overload: { ...PATIENT, maxWaiting: 1 } });
    const first = api.get("/first");
    await until(() => source.asked.length === 1, "the first is with the source");
    const leaving = httpRequest(`${api.url}/leaving`);
    leaving.on("error", () => undefined);
    leaving.end();
    await waiting(api, 1);
    leaving.destroy();
    await waiting(api, 0);
    const staying = api.get("/staying");
    await waiting(api, 1);
    source.release();
    await until(() => source.asked.length === 2, "the next is with the source");
    source.release();
    assert.equal((await first).status, 200);
    assert.equal((await staying).text, "/staying");
    assert.deepEqual(source.asked, ["/first", "/staying"]);
    assert.match(await api.metrics(), /overload_refusals_total\{mount="\/",reason="left",priority="normal"\} 1/);
  });

  it("has only so many wait for it", async (t) => {
    const source = new HeldSource();
    const api = await serveSources(t, { "/": source }, { overload: { ...PATIENT, maxWaiting: 2 } });
    const first = api.get("/first");
    await until(() => source.asked.length === 1, "the first is with the source");
    const oldest = api.get("/oldest");
    await waiting(api, 1);
    const kept = api.get("/kept");
    await waiting(api, 2);
    const newest = api.get("/newest");
    assert.equal((await oldest).status, 503);
    for (let turn = 1; turn <= 3; turn++) {
      await until(() => source.asked.length === turn, `turn ${turn}`);
      source.release();
    }
    assert.deepEqual([(await first).status, (await kept).status, (await newest).status], [200, 200, 200]);
    assert.match(await api.metrics(), /reason="crowded",priority="normal"\} 1/);
  });

  it("refuses over HTTP/2 stream by stream", async (t) => {
    const source = new HeldSource();
    const api = await serveSources(t, { "/": source }, { overload: HURRIED });
    const session = connect(api.url);
    t.after(() => session.destroy());
    const ask = async (path: string): Promise<{ status: number; text: string }> => {
      const stream = session.request({ ":path": path });
      let status = 0;
      let text = "";
      stream.on("response", (headers) => (status = headers[":status"] ?? 0));
      for await (const chunk of stream.setEncoding("utf8")) text += chunk as string;
      return { status, text };
    };
    const first = ask("/first");
    await until(() => source.asked.length === 1, "the first is with the source");
    for (const refused of await Promise.all(["/a", "/b", "/c"].map(ask))) {
      assert.equal(refused.status, 503);
      assert.match(refused.text, /HP_OVERLOADED/);
    }
    source.release();
    assert.deepEqual(await first, { status: 200, text: "/first" });
  });

  it("answers with what is stale where that is allowed, instead of refusing", async (t) => {
    const source = new HeldSource();
    const stale: Source = {
      name: "stale",
      resolve: (request) =>
        request.path === "/stale"
          ? Promise.resolve({
              status: 200,
              headers: { "cache-control": "max-age=0, stale-if-error=3600" },
              body: "old",
            })
          : source.resolve(request),
    };
    const api = await serveSources(t, { "/": stale }, { overload: HURRIED });
    assert.equal((await api.get("/stale")).text, "old");
    const first = api.get("/first");
    await until(() => source.asked.length === 1, "the source is busy");
    const answer = await api.get("/stale");
    assert.deepEqual([answer.status, answer.text], [200, "old"]);
    source.release();
    await first;
  });

  it("is given whatever comes when that is switched off", async (t) => {
    const source = new HeldSource();
    const api = await serveSources(t, { "/": source }, { overload: { ...HURRIED, enabled: false } });
    const answers = ["/a", "/b", "/c"].map(async (path) => api.get(path));
    await until(() => source.asked.length === 3, "all are with the source");
    for (let at = 0; at < 3; at++) source.release();
    for (const { status } of await Promise.all(answers)) assert.equal(status, 200);
    assert.doesNotMatch(await api.metrics(), /overload_/);
  });
});

describe("refusals", () => {
  it("do not fill the log: many make a line, and none is for itself", async (t) => {
    const lines: LogLine[] = [];
    const source = new HeldSource();
    const given = { overload: HURRIED, server: { port: 0 }, admin: { enabled: false } };
    const settings = resolveServerSettings({ argument: given });
    const server = await startServer({ server: settings, sources: [{ path: "/", source }] }, collect(lines));
    t.after(() => server.close());
    const first = fetch(`${server.url}/first`);
    await until(() => source.asked.length === 1, "the source is busy");
    for (let asked = 0; asked < 20; asked++) assert.equal((await fetch(`${server.url}/${asked}`)).status, 503);
    source.release();
    await first;
    const told = lines.filter(({ message }) => message.includes("refused"));
    assert.ok(told.length >= 1 && told.length < 20, String(told.length));
    assert.deepEqual(
      lines.filter(({ message }) => message === "request"),
      [],
    );
  });
});

describe("a database that is busy", () => {
  it("is spared what would come too late, and answers again as soon as it can", async (t) => {
    const sql = `create table lock_table (id int primary key); insert into lock_table values (1);
      create function held() returns int language sql as $$ select pg_advisory_xact_lock(7); select 1 $$`;
    const database = await testDatabase(t, { sql });
    const api = await serve(t, database, { server: { overload: { minLimit: 2, maxLimit: 2, delay: "20ms" } } });
    const waitingFor = (): Promise<Record<string, unknown>[]> =>
      queryRows(
        database,
        "select 1 from pg_stat_activity where wait_event = 'advisory' and datname = current_database()",
      );
    const holder = new Client({ connectionString: database });
    await holder.connect();
    await holder.query("select pg_advisory_lock(7)");
    const blocked = [api.send("POST", "/rpc/held"), api.send("POST", "/rpc/held")];
    await until(async () => (await waitingFor()).length === 2, "two statements wait for the lock");
    const refused = await Promise.all(Array.from({ length: 5 }, () => api.get("/lock_table")));
    assert.deepEqual(
      refused.map(({ status }) => status),
      [503, 503, 503, 503, 503],
    );
    await holder.query("select pg_advisory_unlock(7)");
    await holder.end();
    for (const { status } of await Promise.all(blocked)) assert.equal(status, 200);
    assert.equal((await api.get("/lock_table")).status, 200);
  });
});

describe("the limit of a real source", () => {
  it("shrinks while it is slower for being asked too much, and grows when it no longer is", async (t) => {
    let workers = 1;
    let working = 0;
    const queue: (() => void)[] = [];
    const work = (): void => {
      while (working < workers && queue.length > 0) {
        const done = queue.shift()!;
        working++;
        setTimeout(() => {
          working--;
          done();
          work();
        }, 5);
      }
    };
    const source: Source = {
      name: "busy",
      async resolve() {
        await new Promise<void>((resolve) => {
          queue.push(resolve);
          work();
        });
        return { status: 200, headers: { "cache-control": "no-store" }, body: "done" };
      },
    };
    const api = await serveSources(t, { "/": source }, { overload: { delay: "20ms" } });
    const limit = async (): Promise<number> => Number(/^overload_limit\{.*\} (\d+)$/m.exec(await api.metrics())?.[1]);
    for (let alone = 0; alone < 20; alone++) await api.get("/");
    const over = new AbortController();
    const client = async (): Promise<void> => {
      while (!over.signal.aborted) await api.get("/");
    };
    const clients = Array.from({ length: 60 }, client);
    await until(async () => (await limit()) < 30, "the limit is less than what is asked", 30_000);
    const small = await limit();
    workers = 1000;
    await until(async () => (await limit()) > small + 10, "the limit has grown", 30_000);
    over.abort();
    await Promise.all(clients);
  });
});
