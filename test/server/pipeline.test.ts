import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { connect } from "node:http2";
import { test } from "node:test";
import { promisify } from "node:util";
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from "node:zlib";
import type { Source } from "../../src/api/source.ts";
import type { SourceRequest } from "../../src/api/source-request.ts";
import { HotpathError } from "../../src/errors.ts";
import { requireCommand } from "../support/commands.ts";
import { testDatabase } from "../support/postgres.ts";
import { type ServedApi, serve, serveSources } from "../support/server.ts";

/** Answers what it was asked, as its own part of the path sees it. */
function echo(name: string): Source {
  return {
    name,
    resolve: ({ subpath, basePath, query, method }: SourceRequest) => ({
      status: 200,
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ name, subpath, basePath, query, method }),
    }),
  };
}

const failing = (error: unknown): Source => ({
  name: "failing",
  resolve() {
    throw error;
  },
});

test("the longest mount point in whole segments answers", async (t) => {
  const api = await serveSources(t, {
    "/": echo("root"),
    "/api": echo("api"),
    "/api/v2": echo("v2"),
    "/api-docs": echo("docs"),
  });
  const asked = async (path: string): Promise<string> => {
    const { name, subpath, basePath } = (await api.json(path)) as Record<string, string>;
    return `${name} ${basePath} ${subpath}`;
  };
  assert.equal(await asked("/"), "root  /");
  assert.equal(await asked("/users/1?x=1"), "root  /users/1");
  assert.equal(await asked("/api"), "api /api /");
  assert.equal(await asked("/api/"), "api /api /");
  assert.equal(await asked("/api/users"), "api /api /users");
  assert.equal(await asked("/api?x=/api/v2"), "api /api /");
  assert.equal(await asked("/api/v2/users%2F1"), "v2 /api/v2 /users%2F1");
  assert.equal(await asked("/api/v22"), "api /api /v22");
  assert.equal(await asked("/api-docs/x"), "docs /api-docs /x");
  assert.equal(await asked("/apis"), "root  /apis");
  assert.equal(await asked("/API"), "root  /API");
  assert.equal(await asked("//api"), "root  //api");
});

test("outside every mount point nothing is found", async (t) => {
  const api = await serveSources(t, { "/api": echo("api") });
  for (const path of ["/", "/apis", "/other/api", "/API/x"]) {
    const answer = await api.get(path);
    assert.equal(answer.status, 404);
    assert.equal(answer.headers["content-type"], "application/problem+json");
    assert.equal((JSON.parse(answer.text) as { code: string }).code, "HP_NOT_FOUND");
  }
  assert.match(await api.metrics(), /api_requests_total\{method="GET",endpoint="unmatched",status_code="404"\} 4/);
});

test("a source may answer with the same frozen reply each time, and nothing of one request is in another's", async (t) => {
  const reply = Object.freeze({ status: 200, headers: Object.freeze({ "content-type": "text/plain" }), body: "same" });
  const shared = Object.freeze({ ...reply, isShared: true, isRecurring: true });
  const api = await serveSources(
    t,
    { "/": { name: "constant", resolve: ({ path }) => (path === "/shared" ? shared : reply) } },
    { cors: { allowedOrigins: ["https://a.example"] }, http: { traceHeader: "x-request-id", serverTiming: true } },
  );
  for (const path of ["/", "/shared", "/shared"]) {
    const first = await api.get(path, { origin: "https://a.example", "x-request-id": "1" });
    assert.equal(first.headers["access-control-allow-origin"], "https://a.example");
    assert.equal(first.headers["x-request-id"], "1");
    const second = await api.get(path);
    assert.equal(second.status, 200);
    assert.equal(second.headers["access-control-allow-origin"], undefined);
    assert.equal(second.headers["x-request-id"], undefined);
  }
});

test("a source's failure is told without its inside", async (t) => {
  const api = await serveSources(t, {
    "/crash": failing(new Error("secret inside")),
    "/odd": failing("a text"),
    "/known": failing(new HotpathError("HP_BODY_TOO_LARGE", "Too much.")),
    "/hidden": failing(new HotpathError("HP_DATABASE_UNREACHABLE", "secret host")),
    "/late": { name: "late", resolve: async () => Promise.reject(new TypeError("secret")) },
  });
  for (const [path, status, code] of [
    ["/crash", 500, "HP_INTERNAL"],
    ["/odd", 500, "HP_INTERNAL"],
    ["/known", 413, "HP_BODY_TOO_LARGE"],
    ["/hidden", 503, "HP_DATABASE_UNREACHABLE"],
    ["/late", 500, "HP_INTERNAL"],
  ] as const) {
    const answer = await api.get(path);
    assert.equal(answer.status, status);
    assert.equal((JSON.parse(answer.text) as { code: string }).code, code);
    assert.doesNotMatch(answer.text, /secret|\.ts/);
    assert.equal((await api.send("HEAD", path)).status, status);
  }
});

test("other origins", async (t) => {
  const sources = { "/": echo("root") };
  const preflight = {
    origin: "https://a.example",
    "access-control-request-method": "GET",
    "access-control-request-headers": "x-one, x-two",
  };

  await t.test("that are listed may ask and read, others may not", async (t) => {
    const api = await serveSources(t, sources, {
      cors: { allowedOrigins: ["https://a.example", "https://b.example"] },
    });
    const asked = await api.send("OPTIONS", "/x", preflight);
    assert.equal(asked.status, 200);
    assert.equal(asked.headers["access-control-allow-origin"], "https://a.example");
    assert.equal(asked.headers["access-control-allow-credentials"], "true");
    assert.equal(asked.headers["access-control-allow-headers"], "x-one, x-two");
    assert.match(String(asked.headers["access-control-allow-methods"]), /GET.*PATCH/);
    assert.match(String(asked.headers.vary), /Origin/);
    const answer = await api.get("/x", { origin: "https://b.example" });
    assert.equal(answer.headers["access-control-allow-origin"], "https://b.example");
    assert.match(String(answer.headers["access-control-expose-headers"]), /Content-Range.*Link/);
    for (const origin of ["https://a.example.evil", "https://A.example", "http://a.example", "null", "*"]) {
      const refused = await api.get("/x", { origin });
      assert.equal(refused.headers["access-control-allow-origin"], undefined, origin);
      // What is cached for one origin must not be shown to another.
      assert.match(String(refused.headers.vary), /Origin/);
      // Not a preflight that we answer: the source does, without permission.
      assert.equal(
        (await api.send("OPTIONS", "/x", { ...preflight, origin })).headers["access-control-allow-origin"],
        undefined,
      );
    }
    const unchanged = await api.get("/x", {
      origin: "https://a.example",
      "if-none-match": String(answer.headers.etag),
    });
    assert.equal(unchanged.status, 304);
    assert.equal(unchanged.headers["access-control-allow-origin"], "https://a.example");
  });

  await t.test("all of them, then without credentials", async (t) => {
    const api = await serveSources(t, sources, { cors: { allowedOrigins: ["*"] } });
    const answer = await api.get("/x", { origin: "https://any.example" });
    assert.equal(answer.headers["access-control-allow-origin"], "*");
    assert.equal(answer.headers["access-control-allow-credentials"], undefined);
    assert.equal((await api.send("OPTIONS", "/x", preflight)).headers["access-control-allow-origin"], "*");
    assert.equal((await api.get("/x")).headers["access-control-allow-origin"], undefined);
  });

  await t.test("none, as long as none is named", async (t) => {
    const api = await serveSources(t, sources);
    const answer = await api.get("/x", { origin: "https://a.example" });
    assert.equal(answer.headers["access-control-allow-origin"], undefined);
    assert.doesNotMatch(String(answer.headers.vary), /Origin/);
  });
});

const SCHEMA = `create table users (id int primary key, name text, updated_at timestamptz default '2024-01-01Z'); insert into users select n, repeat('name ' || n, 20) from generate_series(1, 300) n;
  create table "strange name" (id int primary key);`;

test("a database behind the pipeline", async (t) => {
  const url = await testDatabase(t, { sql: SCHEMA });
  const api = await serve(t, url, {
    base: "/api",
    // What the cache does it says in fields of its own.
    postgres: { queryCache: { enabled: false } },
    server: { http: { serverTiming: true, traceHeader: "X-Request-Id" } },
  });

  await t.test("HEAD has the headers of GET", async () => {
    const paths = [
      "/api/",
      "/api/users",
      "/api/users?limit=2&order=id",
      "/api/users/1",
      "/api/users/0",
      "/api/users?id=eq.x",
      "/api/users?id=eq.999",
      "/nowhere",
      "/api/strange%20name",
    ];
    const kinds = [
      {},
      { "accept-encoding": "gzip" },
      { accept: "text/csv" },
      { prefer: "count=exact" },
      { accept: "application/vnd.pgrst.object+json" },
      { "if-none-match": "*" },
      { "if-match": '"x"' },
    ];
    for (const path of paths) {
      for (const headers of kinds) {
        const [get, head] = [await api.get(path, headers), await api.send("HEAD", path, headers)];
        assert.equal(head.status, get.status, path);
        assert.equal(head.text, "");
        const { date: _one, "server-timing": _timing, ...expected } = get.headers;
        const { date: _other, "server-timing": _other_, ...found } = head.headers;
        // A length that only encoding would tell may be left out (RFC 9110 section 9.3.2), but not be another.
        if (found["content-length"] === undefined || found["transfer-encoding"] !== undefined) {
          delete expected["content-length"];
          delete expected["transfer-encoding"];
          delete found["transfer-encoding"];
        }
        assert.deepEqual(found, expected, `${path} ${JSON.stringify(headers)}`);
      }
    }
  });

  await t.test("shows where the time went and the request's own mark", async () => {
    const phases = ["jwt", "parse", "plan", "transaction", "response"];
    for (const [path, status, passed] of [
      ["/api/users/1", 200, phases],
      ["/api/users/0", 404, phases],
      ["/api/nothing", 404, ["jwt", "resolve", "response"]],
      ["/nowhere", 404, ["jwt", "response"]],
    ] as const) {
      const answer = await api.get(path, { "x-request-id": "abc-123" });
      assert.equal(answer.status, status);
      assert.match(
        String(answer.headers["server-timing"]),
        new RegExp(`^${passed.map((phase) => `${phase};dur=\\d+\\.\\d`).join(", ")}$`),
      );
      assert.equal(answer.headers["x-request-id"], "abc-123");
    }
    assert.equal((await api.get("/api/users/1")).headers["x-request-id"], undefined);
    const plain = await serve(t, url);
    const answer = await plain.get("/users/1", { "x-request-id": "abc-123" });
    assert.equal(answer.headers["server-timing"], undefined);
    assert.equal(answer.headers["x-request-id"], undefined);
  });

  await t.test("labels metrics by route, not by path", async () => {
    const before = await seriesOf(api);
    const paths = Array.from({ length: 400 }, (_, index) => [
      `/api/users/${index}`,
      `/api/users?id=eq.${index}`,
      `/api/unknown${index}`,
      `/nowhere/${index}`,
      `/api/users/${index}/${index}`,
      `/api/users?id=eq.x${index}`,
      `/api/strange%20name/${index}`,
      `/api/users/x${index}`,
    ]).flat();
    for (let at = 0; at < paths.length; at += 100)
      await Promise.all(paths.slice(at, at + 100).map((path) => api.get(path)));
    const after = await seriesOf(api);
    const added = [...after].filter((series) => !before.has(series));
    assert.ok(added.length < 12, added.join("\n"));
    const endpoints = new Set([...after].map((series) => /endpoint="([^"]*)"/.exec(series)?.[1]));
    assert.deepEqual(
      endpoints,
      new Set([
        "/api",
        "/api/",
        "/api/users",
        "/api/users/:key",
        "/api/strange name",
        "/api/strange name/:key",
        "unmatched",
      ]),
    );
    const metrics = await api.metrics();
    // Failures count where they happen.
    for (const line of [
      /endpoint="\/api\/users\/:key",status_code="404"\} \d/,
      /endpoint="\/api\/users",status_code="400"\} \d/,
    ])
      assert.match(metrics, line);
  });

  await t.test("a client that leaves is no failure of ours", async (t) => {
    const slow = await serve(t, url, { postgres: { planEnabled: true } });
    const { hostname, port } = new URL(slow.url);
    const { connect } = await import("node:net");
    const locked = await lock(url);
    const socket = connect(Number(port), hostname);
    socket.on("error", () => undefined);
    socket.write("GET /users HTTP/1.1\r\nHost: x\r\n\r\n");
    while (!(await slow.metrics()).includes("api_requests_in_flight 1"))
      await new Promise((resolve) => setImmediate(resolve));
    socket.destroy();
    while (!(await slow.metrics()).includes('status_code="499"')) await new Promise((resolve) => setImmediate(resolve));
    await locked();
    assert.doesNotMatch(await slow.metrics(), /status_code="500"/);
  });

  await t.test("speaks HTTP/2 through the same steps", async () => {
    const session = connect(api.url);
    const answers = await Promise.all(
      ["/api/users/1", "/api/users?limit=1&order=id", "/api/users/0", "/nowhere"].map(async (path) => {
        const stream = session.request({ ":path": path, "x-request-id": "h2" });
        const headers = await new Promise<Record<string, unknown>>((resolve, reject) => {
          stream.once("response", resolve);
          stream.once("error", reject);
        });
        const chunks: Buffer[] = [];
        for await (const chunk of stream) chunks.push(chunk as Buffer);
        return { path, headers, text: Buffer.concat(chunks).toString() };
      }),
    );
    session.close();
    for (const { path, headers, text } of answers) {
      const one = await api.get(path, { "x-request-id": "h2" });
      assert.equal(headers[":status"], one.status);
      assert.equal(text, one.text);
      for (const name of [
        "etag",
        "content-type",
        "content-range",
        "link",
        "last-modified",
        "vary",
        "cache-control",
        "x-request-id",
        "content-location",
      ]) {
        assert.equal(headers[name], one.headers[name], `${path} ${name}`);
      }
    }
  });

  await t.test("is read by curl in every encoding", async (t) => {
    const curl = requireCommand(t, "curl");
    if (curl === undefined) return;
    const path = `${api.url}/api/users?order=id`;
    const identity = (await api.get("/api/users?order=id")).text;
    const tags = new Set<string>();
    for (const encoding of ["gzip", "br", "zstd", "gzip;q=0.5, zstd;q=0.9, br;q=0.7"]) {
      const answer = await runCurl(curl, ["-D", "-", "-H", `Accept-Encoding: ${encoding}`, path]);
      const [head = "", ...content] = answer.split("\r\n\r\n");
      assert.equal(/^content-encoding: (\S+)/im.exec(head)?.[1], encoding.includes(",") ? "zstd" : encoding);
      assert.match(head, /^vary: .*accept-encoding/im);
      tags.add(/^etag: (\S+)/im.exec(head)?.[1] ?? "");
      const packed = Buffer.from(content.join("\r\n\r\n"), "latin1");
      assert.equal(unpack[encoding.includes(",") ? "zstd" : encoding]!(packed).toString(), identity);
    }
    // A validator for each encoding, of which zstd came twice.
    assert.equal(tags.size, 3);
    assert.equal(await runCurl(curl, ["--compressed", path]), identity);
    const version = await runCurl(curl, [
      "--http2-prior-knowledge",
      "-o",
      "/dev/null",
      "-w",
      "%{http_version} %{http_code}",
      path,
    ]);
    assert.equal(version, "2 200");
  });
});

const unpack: Readonly<Record<string, (packed: Buffer) => Buffer>> = {
  gzip: gunzipSync,
  br: brotliDecompressSync,
  zstd: zstdDecompressSync,
};

async function runCurl(curl: string, words: readonly string[]): Promise<string> {
  return (await promisify(execFile)(curl, ["-sS", ...words], { encoding: "latin1" })).stdout;
}

/** Series of the request metrics, without their values. */
async function seriesOf(api: ServedApi): Promise<Set<string>> {
  const lines = (await api.metrics()).split("\n").filter((line) => line.startsWith("api_requests_total{"));
  return new Set(lines.map((line) => line.replace(/ [^ ]*$/, "")));
}

/** Holds the users until it is called. */
async function lock(url: string): Promise<() => Promise<void>> {
  const { Client } = await import("pg");
  const client = new Client({ connectionString: url });
  await client.connect();
  await client.query("begin; lock table users in access exclusive mode");
  return async () => {
    await client.query("rollback");
    await client.end();
  };
}
