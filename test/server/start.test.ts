import assert from "node:assert/strict";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { get } from "node:http";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import type { ResolvedApi } from "../../src/api/definition.ts";
import { resolveServerSettings } from "../../src/api/options.ts";
import type { Source, SourceContext } from "../../src/api/source.ts";
import { HotpathError } from "../../src/errors.ts";
import { defineApi } from "../../src/server/define-api.ts";
import type { RunningServer } from "../../src/server/start.ts";
import { defer, type TestScope } from "../support/defer.ts";
import { serveSources } from "../support/server.ts";

interface Witness extends Source {
  readonly events: string[];
}

/** A source that writes down what is done to it. */
function witness(name: string, options: Partial<Source> = {}): Witness {
  const events: string[] = [];
  return {
    name,
    events,
    async start() {
      events.push("start");
    },
    async reload() {
      events.push("reload");
    },
    async close() {
      events.push("close");
    },
    resolve: () => ({ status: 200, headers: {}, body: name }),
    ...options,
  };
}

/** A port that somebody else listens on. */
async function takenPort(t: TestScope): Promise<number> {
  const server: Server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  defer(t, () => new Promise<void>((resolve) => server.close(() => resolve())));
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

const QUIET = { log: { level: "silent" } } as const;
const hasCode = (code: string) => (error: unknown) => error instanceof HotpathError && error.code === code;

test("sources start before the listener, are told to reload, and close after it", async (t) => {
  const source = witness("one");
  let context: SourceContext | undefined;
  const other = witness("two", {
    async start(given) {
      context = given;
    },
  });
  const api = await serveSources(t, { "/": source, "/two": other });
  assert.deepEqual(source.events, ["start"]);
  context?.metrics.counter({ name: "two_things_total", help: "Things." }).with().add(3);
  assert.match(await api.metrics(), /^two_things_total\{mount="\/two"\} 3$/m);
  await api.server.reload();
  assert.deepEqual([source.events, other.events], [["start", "reload"], ["reload"]]);
  await api.server.close();
  assert.deepEqual(
    [source.events, other.events],
    [
      ["start", "reload", "close"],
      ["reload", "close"],
    ],
  );
  await assert.rejects(fetch(api.url));
  // A second close finds nothing to do.
  await api.server.close();
  assert.deepEqual(source.events, ["start", "reload", "close"]);
});

test("what was started is closed again when something else cannot start", async (t) => {
  const port = await takenPort(t);
  const cases = [
    { options: { server: { port }, admin: { port: 0 } }, code: "HP_PORT_IN_USE", starts: true },
    { options: { server: { port: 0 }, admin: { port } }, code: "HP_PORT_IN_USE", starts: true },
    {
      options: { server: { port: 0, host: "203.0.113.1" }, admin: { port: 0 } },
      code: "HP_LISTEN_FAILED",
      starts: true,
    },
    {
      options: { server: { port: 0, tls: { cert: "/none.pem", key: "/none.key" } }, admin: { port: 0 } },
      code: "HP_OPTION_INVALID",
      starts: false,
    },
  ] as const;
  for (const { options, code, starts } of cases) {
    const source = witness("one");
    await assert.rejects(defineApi({ sources: { "/": source } }).listen({ ...options, ...QUIET }), hasCode(code), code);
    assert.deepEqual(source.events, starts ? ["start", "close"] : []);
  }
  const good = witness("good");
  const bad = witness("bad", {
    async start() {
      throw new HotpathError("HP_DATABASE_REFUSED", "no");
    },
  });
  await assert.rejects(
    defineApi({ sources: { "/": good, "/bad": bad } }).listen({ server: { port: 0 }, admin: { port: 0 }, ...QUIET }),
    hasCode("HP_DATABASE_REFUSED"),
  );
  assert.deepEqual(good.events.at(-1), "close");
  assert.deepEqual(bad.events, ["close"]);
});

test("readiness is that of all sources, each by its name", async (t) => {
  let isReady = false;
  const api = await serveSources(t, {
    "/": witness("postgres", { isReady: () => isReady }),
    "/two": witness("postgres"),
    "/three": witness("upstream", { isReady: () => true }),
  });
  const ready = async (): Promise<{ status: number; body: unknown }> => {
    const reply = await fetch(`${api.adminUrl}/ready`);
    return { status: reply.status, body: await reply.json() };
  };
  const away = await ready();
  assert.equal(away.status, 503);
  assert.match(JSON.stringify(away.body), /"postgres":"not ready"/);
  assert.match(JSON.stringify(away.body), /"postgres-2":"ok".*"upstream":"ok"/);
  isReady = true;
  assert.equal((await ready()).status, 200);
  assert.equal((await fetch(`${api.adminUrl}/live`)).status, 200);
});

test("closing lets requests under way finish", async (t) => {
  const entered = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  const source = witness("slow", {
    async resolve() {
      entered.resolve();
      await released.promise;
      return { status: 200, headers: {}, body: source.events.includes("close") ? "too late" : "in time" };
    },
  });
  const api = await serveSources(t, { "/": source });
  const answer = api.get("/");
  await entered.promise;
  const closed = api.server.close();
  released.resolve();
  assert.equal((await answer).text, "in time");
  await closed;
  assert.equal(source.events.at(-1), "close");
});

/** What a server is told to serve instead. */
function successor(source: Source): ResolvedApi {
  const server = resolveServerSettings({ argument: { http: { traceHeader: "x-trace" } } });
  return { server, sources: [{ path: "/", source }] };
}

test("sources and settings are replaced under running listeners, and what is under way ends with the old ones", async (t) => {
  const entered = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  const old = witness("old", {
    async resolve({ subpath }) {
      if (subpath !== "/slow") return { status: 200, headers: {}, body: "old" };
      entered.resolve();
      await released.promise;
      return { status: 200, headers: {}, body: old.events.includes("close") ? "too late" : "in time" };
    },
  });
  const api = await serveSources(t, { "/": old });
  const broken = witness("broken", {
    async start() {
      throw new HotpathError("HP_DATABASE_REFUSED", "no");
    },
  });
  await assert.rejects(api.server.replace(successor(broken)), hasCode("HP_DATABASE_REFUSED"));
  assert.equal((await api.get("/")).text, "old");

  const slow = api.get("/slow");
  await entered.promise;
  const next = witness("next");
  const replaced = api.server.replace(successor(next));
  while (!next.events.includes("start")) await setImmediate();
  await setImmediate();
  const answer = await api.get("/", { "x-trace": "1" });
  assert.deepEqual([answer.text, answer.headers["x-trace"]], ["next", "1"]);
  assert.match(await (await fetch(`${api.adminUrl}/ready`)).text(), /"next":"ok"/);
  assert.deepEqual(old.events, ["start"]);
  released.resolve();
  assert.equal((await slow).text, "in time");
  await replaced;
  assert.deepEqual(old.events, ["start", "close"]);
  await api.server.close();
  assert.deepEqual(next.events, ["start", "close"]);
});

test("the admin listener can be left out, and TLS be made for development", async (t) => {
  const server = await defineApi({ sources: { "/": witness("one") } }).listen({
    server: { port: 0, tls: { dev: true } },
    admin: { enabled: false },
    ...QUIET,
  });
  defer(t, () => server.close());
  assert.equal(server.adminUrl, undefined);
  assert.match(server.url, /^https:/);
});

test("both listeners take a socket of a given mode in place of a port", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "hotpath-sockets-"));
  defer(t, () => rm(folder, { recursive: true }));
  const [socket, adminSocket] = [join(folder, "api.sock"), join(folder, "admin.sock")];
  const server = await defineApi({ sources: { "/": witness("one") } }).listen({
    server: { socket, socketMode: "660" },
    admin: { socket: adminSocket, socketMode: "600" },
    ...QUIET,
  });
  defer(t, () => server.close());
  assert.deepEqual([server.url, server.adminUrl], [`unix:${socket}`, `unix:${adminSocket}`]);
  const modes = await Promise.all(
    [socket, adminSocket].map(async (path) => ((await stat(path)).mode & 0o777).toString(8)),
  );
  assert.deepEqual(modes, ["660", "600"]);
  assert.equal(await getBySocket(socket, "/"), "one");
  assert.match(await getBySocket(adminSocket, "/ready"), /"one":"ok"/);
});

test("with reusePort a second server listens on the same port", async (t) => {
  const first = await listenShared("first", 0);
  defer(t, () => first.close());
  const second = await listenShared("second", Number(new URL(first.url).port));
  defer(t, () => second.close());
  assert.equal(second.url, first.url);
  await first.close();
  assert.equal(await (await fetch(second.url)).text(), "second");
});

function listenShared(name: string, port: number): Promise<RunningServer> {
  const options = { server: { port, reusePort: true }, admin: { enabled: false } };
  return defineApi({ sources: { "/": witness(name) } }).listen({ ...options, ...QUIET });
}

function getBySocket(socketPath: string, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = get({ socketPath, path, headers: { host: "localhost" } }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part: string) => (text += part));
      response.once("end", () => resolve(text));
    });
    asked.once("error", reject);
  });
}
