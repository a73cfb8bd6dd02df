import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { describe, it } from "node:test";
import type { Source } from "../../src/api/source.ts";
import { loadShop } from "../../src/demo/shop.ts";
import { testDatabase } from "../support/postgres.ts";
import { type Answer, serve, type ServedApi, serveSources } from "../support/server.ts";

interface Result {
  readonly id?: string | number;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
  readonly encoding?: string;
}

async function post(api: ServedApi, content: unknown, headers: Record<string, string> = {}): Promise<Answer> {
  const text = typeof content === "string" ? content : JSON.stringify(content);
  const length = String(Buffer.byteLength(text));
  return api.send("POST", "/batch", { "content-type": "application/json", "content-length": length, ...headers }, text);
}

async function batch(api: ServedApi, requests: readonly object[], headers?: Record<string, string>): Promise<Result[]> {
  const answer = await post(api, { requests }, headers);
  assert.equal(answer.status, 200, answer.text);
  return (JSON.parse(answer.text) as { responses: Result[] }).responses;
}

describe("a batch", () => {
  it("answers each request as it would have been alone, in order, failures beside results", async (t) => {
    const database = await testDatabase(t);
    await loadShop(database, { scale: 0.01 });
    const api = await serve(t, database);
    const paths = [
      "/users/1",
      "/orders?select=id,total&limit=3",
      "/nowhere",
      "/users?id=eq.x",
      "/users?select=id&limit=1",
    ];
    const results = await batch(api, [
      ...paths.map((path, id) => ({ id, path })),
      { method: "HEAD", path: "/users" },
      { path: "/users?select=id,username&limit=2", headers: { accept: "text/csv" } },
    ]);
    for (const [at, path] of paths.entries()) {
      const alone = await api.get(path);
      const { id, status, headers, body } = results[at]!;
      assert.equal(id, at);
      assert.equal(status, alone.status);
      assert.deepEqual(body, JSON.parse(alone.text), path);
      assert.equal(headers["etag"], alone.headers["etag"]);
    }
    assert.deepEqual([results[5]!.status, results[5]!.body], [200, null]);
    assert.equal(results[6]!.body, (await api.get("/users?select=id,username&limit=2", { accept: "text/csv" })).text);
  });

  it("streams results as they end, each on a line, where that is asked for", async (t) => {
    const slow = Promise.withResolvers<void>();
    const api = await serveSources(t, {
      "/": {
        name: "test",
        async resolve({ subpath }) {
          if (subpath === "/slow") await slow.promise;
          else slow.resolve();
          return {
            status: 200,
            headers: { "content-type": "application/json" },
            body: `[1,\n2, ${JSON.stringify(subpath)}]`,
          };
        },
      },
    });
    const answer = await post(
      api,
      [
        { id: "s", path: "/slow" },
        { id: "q", path: "/quick" },
      ],
      { accept: "application/x-ndjson" },
    );
    assert.equal(answer.headers["content-type"], "application/x-ndjson");
    const lines = answer.text
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Result);
    assert.deepEqual(
      lines.map(({ id, body }) => [id, body]),
      [
        ["q", [1, 2, "/quick"]],
        ["s", [1, 2, "/slow"]],
      ],
    );
  });

  it("hands on who asks and what is sent, keeps its bounds, and survives whatever a source does", async (t) => {
    let [underWay, most] = [0, 0];
    const source: Source = {
      name: "test",
      async resolve({ method, path, headers, body, hasContent }) {
        most = Math.max(most, ++underWay);
        await new Promise((resolve) => setImmediate(resolve));
        underWay--;
        if (path === "/throw") throw new Error("secret");
        if (path === "/large") return { status: 200, headers: {}, body: Readable.from(["x".repeat(3000)]) };
        if (path === "/bytes")
          return { status: 200, headers: { "content-type": "image/png" }, body: Buffer.from([255, 0]) };
        if (path === "/lie") return { status: 200, headers: { "content-type": "application/json" }, body: "}]{" };
        const sent = hasContent === true ? Buffer.concat(await body.toArray()).toString() : null;
        const seen = {
          method,
          sent,
          authorization: headers.authorization,
          key: headers["x-api-key"],
          own: headers["x-own"],
          type: headers["content-type"],
        };
        return { status: 200, headers: { "content-type": "application/json" }, body: JSON.stringify(seen) };
      },
    };
    const api = await serveSources(
      t,
      { "/": source },
      { batch: { concurrency: 3, maxRequests: 20, maxReplyBytes: 2000 } },
    );
    const sender = { authorization: "Bearer x", "x-api-key": "k", "x-own": "not handed on" };
    const [posted, ...others] = await batch(
      api,
      [
        { method: "POST", path: "/echo", body: { a: [1, "ü"] }, headers: { "x-own": "given" } },
        ...["/throw", "/large", "/bytes", "/lie"].map((path) => ({ path })),
        ...Array.from({ length: 15 }, () => ({ path: "/echo" })),
      ],
      sender,
    );
    assert.deepEqual(posted!.body, {
      method: "POST",
      sent: '{"a":[1,"ü"]}',
      authorization: "Bearer x",
      key: "k",
      own: "given",
      type: "application/json",
    });
    const [thrown, large, bytes, lie] = others;
    assert.equal(thrown!.status, 500);
    assert.doesNotMatch(JSON.stringify(thrown), /secret/);
    assert.equal((large!.body as { code: string }).code, "HP_BATCH_REPLY_TOO_LARGE");
    assert.deepEqual([bytes!.encoding, bytes!.body], ["base64", Buffer.from([255, 0]).toString("base64")]);
    assert.equal(lie!.body, "}]{");
    assert.equal(most, 3);
  });

  it("is refused with what is wrong in it", async (t) => {
    const api = await serveSources(t, {
      "/": { name: "test", resolve: () => ({ status: 200, headers: {}, body: "" }) },
    });
    const bad: readonly [unknown, RegExp][] = [
      ["{", /this is none/],
      [{ request: [] }, /"requests"/],
      [[{ path: "users" }], /requests\[0\].path/],
      [[{ path: "//evil/\\..%0d%0a" }], /requests\[0\].path/],
      [[{ path: "/a b" }], /requests\[0\].path/],
      [[{ path: "/batch?x" }], /no batches/],
      [[{ path: "/" }, { method: "get", path: "/" }], /requests\[1\].method/],
      [[{ path: "/", headers: { "x-a": "b\r\nc: d" } }], /requests\[0\].headers/],
      [[{ path: "/", headers: { Host: "evil" } }], /host is not for a request/],
      [[{ path: "/", headers: { "X-Forwarded-For": "1.2.3.4" } }], /x-forwarded-for is not/],
      [[{ path: "/", headers: { ["__proto__"]: "x" } }, { path: 1 }], /requests\[\d\]/],
      [Array.from({ length: 101 }, () => ({ path: "/" })), /at most 100/],
    ];
    for (const [content, message] of bad) {
      const { status, text } = await post(api, content);
      assert.equal(status, 400);
      assert.match((JSON.parse(text) as { detail: string }).detail, message);
    }
    assert.equal((await post(api, [])).text, '{"responses":[]}');
    assert.equal((await api.get("/batch")).status, 200, "only POST is a batch");
  });
});
