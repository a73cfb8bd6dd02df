import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { type Echo, echo, serveUpstream, startOrigin } from "./harness.ts";

const USERS = [
  { id: 1, name: "Ada", secret: "x", profile: { avatar: "a.png", bio: "long" } },
  { id: 12345678901234567890n, name: "Bob", secret: "y", profile: null },
];
const JSON_TEXT = JSON.stringify(USERS.map((user) => ({ ...user, id: Number(user.id) }))).replace(
  /12345678901234\d+/,
  "12345678901234567890",
);
const options = { fields: { parameter: "fields", maxBytes: "4KiB" } };

test("fields are picked from JSON, and the parameter stays here unless it is to go on", async (t) => {
  const { url } = await startOrigin(t, (message, response) => {
    if (message.url?.startsWith("/echo") === true) return echo(message, response);
    response.setHeader("content-type", "application/json; charset=utf-8");
    response.end(JSON_TEXT);
  });
  const api = await serveUpstream(t, url, options);
  const answer = await api.get("/users?page=2&fields=name,profile(avatar),id");
  assert.equal(
    answer.text,
    '[{"id":1,"name":"Ada","profile":{"avatar":"a.png"}},{"id":12345678901234567890,"name":"Bob","profile":null}]',
  );
  assert.equal(answer.headers["content-length"], String(answer.bytes.length));
  assert.equal(((await api.json("/echo?a=1&fields=url&b=%20")) as Echo).url, "/echo?a=1&b=%20");
  const forwarding = await serveUpstream(t, url, { fields: { ...options.fields, forward: true } });
  assert.equal(((await forwarding.json("/echo?a=1&fields=url")) as Echo).url, "/echo?a=1&fields=url");
  const off = await serveUpstream(t, url);
  assert.equal((await off.get("/users?fields=name")).text, JSON_TEXT);
});

test("a malformed selection is refused before the upstream is asked", async (t) => {
  let requests = 0;
  const { url } = await startOrigin(t, (_message, response) => void ((requests += 1), response.end()));
  const api = await serveUpstream(t, url, options);
  for (const fields of ["", "a,,b", "a(", "a)", "a(b", "(a)", "a%20b(c))", "%22a", "a".repeat(5000)]) {
    const answer = await api.get(`/?fields=${fields}`);
    assert.equal(answer.status, 400, fields);
    assert.match(answer.text, /HP_FIELDS_INVALID/);
  }
  assert.equal(requests, 0);
});

test("what is too long, coded, no JSON or an error stays whole", async (t) => {
  const { url } = await startOrigin(t, (message, response) => {
    const json = { "content-type": "application/json" };
    if (message.url === "/long") response.writeHead(200, json).end(JSON.stringify({ a: 1, b: "x".repeat(5000) }));
    else if (message.url === "/coded")
      response.writeHead(200, { ...json, "content-encoding": "gzip" }).end(gzipSync('{"a":1,"b":2}'));
    else if (message.url === "/broken") response.writeHead(200, json).end('{"a":1,');
    else if (message.url === "/text") response.writeHead(200, { "content-type": "text/plain" }).end('{"a":1,"b":2}');
    else response.writeHead(404, json).end('{"a":1,"b":2}');
  });
  const api = await serveUpstream(t, url, options);
  assert.equal((await api.get("/long?fields=a")).text.length, 5000 + '{"a":1,"b":""}'.length);
  assert.equal((await api.get("/coded?fields=a")).headers["content-encoding"], "gzip");
  assert.equal((await api.get("/broken?fields=a")).text, '{"a":1,');
  assert.equal((await api.get("/text?fields=a")).text, '{"a":1,"b":2}');
  assert.equal((await api.get("/none?fields=a")).text, '{"a":1,"b":2}');
});

test("a selection has a tag of its own, which the upstream can still confirm", async (t) => {
  const seen: (string | undefined)[] = [];
  const { url } = await startOrigin(t, (message, response) => {
    const none = message.headers["if-none-match"];
    seen.push(none);
    if (none === '"v1"') response.writeHead(304, { etag: '"v1"' }).end();
    else response.writeHead(200, { etag: '"v1"', "content-type": "application/json" }).end('{"a":1,"b":2}');
  });
  const api = await serveUpstream(t, url, options);
  const a = await api.get("/?fields=a");
  const b = await api.get("/?fields=b");
  const [tagA = "", tagB = ""] = [a.headers.etag, b.headers.etag];
  assert.equal(new Set(['"v1"', tagA, tagB]).size, 3);
  const same = await api.get("/?fields=a", { "if-none-match": tagA });
  assert.deepEqual([same.status, same.headers.etag, seen.at(-1)], [304, tagA, '"v1"']);
  for (const other of [tagB, '"v1"']) {
    const changed = await api.get("/?fields=a", { "if-none-match": other });
    assert.deepEqual([changed.status, changed.text, seen.at(-1)], [200, '{"a":1}', undefined]);
  }
});
