import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import type { ServerOptions } from "../../src/api/option-types.ts";
import type { Source } from "../../src/api/source.ts";
import type { SourceRequest } from "../../src/api/source-request.ts";
import { makeApiKey } from "../../src/auth/api-key.ts";
import { inSeconds, SECRET, signText } from "../auth/tokens.ts";
import { testFolder, type TestScope } from "../support/postgres.ts";
import { type ServedApi, serveSources } from "../support/server.ts";
import { type Echo, echo, serveUpstream, startOrigin } from "../upstream/harness.ts";
import { rawClient } from "./listener/harness.ts";

const AUTH: ServerOptions = { auth: { jwt: { secret: SECRET, clockSkew: 0 } } };

function bearer(claims: object): { authorization: string } {
  return { authorization: `Bearer ${signText(SECRET, JSON.stringify(claims))}` };
}

/** Answers who asks, as `max-age=60` says for as long as nobody asks otherwise. */
function personal(): Source & { asked: number } {
  const source = {
    name: "personal",
    admission: "verify" as const,
    asked: 0,
    resolve({ identity, headers }: SourceRequest) {
      source.asked++;
      const who = identity === undefined ? "unknown" : (identity.subject ?? identity.kind);
      const etag = `"${who}"`;
      const fields = { "content-type": "text/plain", "cache-control": "max-age=60", etag };
      if (headers["if-none-match"] === etag) return { status: 304, headers: fields, body: undefined };
      return { status: 200, headers: fields, body: `for ${who}` };
    },
  };
  return source;
}

/** Sends a request again and again on one connection, each when the reply to the last is there; answers statuses and times of sending. */
async function repeat(
  api: ServedApi,
  headers: { authorization: string },
  until: (status: number, times: number) => boolean,
): Promise<{ status: number; sentMs: number; body: string }[]> {
  const client = rawClient(Number(new URL(api.url).port));
  const request = `GET /a HTTP/1.1\r\nHost: a\r\nAuthorization: ${headers.authorization}\r\n\r\n`;
  const replies: { status: number; sentMs: number; body: string }[] = [];
  let seen = 0;
  do {
    const sentMs = Date.now();
    client.send(request);
    let end = 0;
    await client.until({
      test(received) {
        const head = received.indexOf("\r\n\r\n", seen);
        if (head === -1) return false;
        end = head + 4 + Number(/content-length: (\d+)/i.exec(received.slice(seen, head))?.[1] ?? 0);
        return received.length >= end;
      },
    });
    const reply = client.received().slice(seen, end);
    seen = end;
    replies.push({ status: Number(reply.slice(9, 12)), sentMs, body: reply.slice(reply.indexOf("\r\n\r\n") + 4) });
  } while (!until(replies.at(-1)?.status ?? 0, replies.length));
  client.socket.destroy();
  return replies;
}

describe("credentials for an upstream", () => {
  it("are its own affair unless we are told otherwise", async (t) => {
    const { url } = await startOrigin(t, echo);
    const api = await serveUpstream(t, url, {}, AUTH);
    const { headers } = (await api.json("/", { authorization: "Bearer nonsense" })) as Echo;
    assert.equal(headers["authorization"], "Bearer nonsense");
  });

  it("must be valid where they are verified, and are passed on as they came", async (t) => {
    const { url } = await startOrigin(t, echo);
    const api = await serveUpstream(t, url, { auth: "verify" }, AUTH);
    assert.equal((await api.get("/")).status, 200);
    const good = bearer({ sub: "ann" });
    const { headers } = (await api.json("/", good)) as Echo;
    assert.equal(headers["authorization"], good.authorization);
    const expired = await api.get("/", bearer({ exp: inSeconds(-5) }));
    assert.equal(expired.status, 401);
    assert.equal(expired.headers["www-authenticate"], 'Bearer error="invalid_token", error_description="JWT expired"');
    assert.equal(expired.headers["content-type"], "application/problem+json");
    assert.equal(expired.headers["cache-control"], "no-store");
    assert.equal(expired.headers["vary"], "Accept-Encoding, Authorization");
    assert.deepEqual(JSON.parse(expired.text), {
      type: "about:blank",
      title: "Unauthorized",
      status: 401,
      detail: "JWT expired",
      code: "HP_JWT_REFUSED",
      todo: "Get a new token, for this audience.",
    });
  });

  it("must be sent where they are demanded, also for a WebSocket", async (t) => {
    const { url } = await startOrigin(t, echo);
    const api = await serveUpstream(t, url, { auth: "require" }, AUTH);
    const missing = await api.get("/");
    assert.deepEqual([missing.status, missing.headers["www-authenticate"]], [401, "Bearer"]);
    assert.equal((await api.get("/", bearer({}))).status, 200);
    const ask = `GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n`;
    const port = Number(new URL(api.url).port);
    assert.match((await rawClient(port, `${ask}\r\n`).ended()).received, /^HTTP\/1\.1 401 /);
    const { authorization } = bearer({ exp: 1 });
    const expired = rawClient(port, `${ask}Authorization: ${authorization}\r\n\r\n`);
    assert.match((await expired.ended()).received, /^HTTP\/1\.1 401 /);
    const metrics = await api.metrics();
    assert.match(metrics, /^auth_requests_total\{outcome="HP_CREDENTIALS_MISSING"\} 2$/m);
    assert.match(metrics, /^auth_requests_total\{outcome="HP_JWT_REFUSED"\} 1$/m);
    assert.match(metrics, /^auth_requests_total\{outcome="token"\} 1$/m);
  });

  it("cannot be demanded where nothing could verify them", async (t) => {
    const { url } = await startOrigin(t, echo);
    await assert.rejects(serveUpstream(t, url, { auth: "require" }), { code: "HP_OPTION_INVALID" });
  });
});

describe("stored replies", () => {
  it("are kept apart by who asks: one after the other, together, and with another's tag", async (t) => {
    const source = personal();
    const api = await serveSources(t, { "/": source }, AUTH);
    const [ann, bob] = [bearer({ sub: "ann" }), bearer({ sub: "bob" })];
    for (let round = 0; round < 3; round++) {
      assert.equal((await api.get("/a", ann)).text, "for ann");
      assert.equal((await api.get("/a", bob)).text, "for bob");
      assert.equal((await api.get("/a")).text, "for anonymous");
    }
    assert.equal(source.asked, 3);
    // The same claims in another token: the same person.
    assert.equal((await api.get("/a", { authorization: `bearer  ${ann.authorization.slice(7)}` })).text, "for ann");
    assert.equal(source.asked, 3);
    const together = await Promise.all(
      Array.from({ length: 30 }, async (_, index) => (await api.get("/b", index % 2 === 0 ? ann : bob)).text),
    );
    assert.deepEqual(new Set(together.filter((_, index) => index % 2 === 0)), new Set(["for ann"]));
    assert.deepEqual(new Set(together.filter((_, index) => index % 2 === 1)), new Set(["for bob"]));
    const others = await api.get("/a", { ...bob, "if-none-match": '"ann"' });
    assert.deepEqual([others.status, others.text], [200, "for bob"]);
    const unchanged = await api.get("/a", { ...bob, "if-none-match": '"bob"' });
    assert.deepEqual([unchanged.status, unchanged.headers["vary"]], [304, "Accept-Encoding, Authorization"]);
    assert.equal((await api.get("/a", { authorization: "Bearer x.y.z" })).status, 401);
  });

  it("are purged for everybody by a change", async (t) => {
    const source = personal();
    const api = await serveSources(t, { "/": source }, AUTH);
    const [ann, bob] = [bearer({ sub: "ann" }), bearer({ sub: "bob" })];
    for (const who of [ann, bob]) await api.get("/a", who);
    await api.send("POST", "/a", ann);
    for (const who of [ann, bob]) await api.get("/a", who);
    assert.equal(source.asked, 5);
  });

  it("are not shared by who shows a cookie beside credentials that many share", async (t) => {
    let asked = 0;
    const source: Source = {
      name: "sessions",
      admission: "verify",
      resolve({ headers }) {
        asked++;
        const modified = new Date(Date.now() - 86_400_000_000).toUTCString();
        return { status: 200, headers: { "last-modified": modified }, body: `for ${headers.cookie ?? "nobody"}` };
      },
    };
    const api = await serveSources(t, { "/": source }, AUTH);
    const app = bearer({ sub: "app" });
    assert.equal((await api.get("/a", { ...app, cookie: "s=ann" })).text, "for s=ann");
    assert.equal((await api.get("/a", { ...app, cookie: "s=bob" })).text, "for s=bob");
    assert.equal(asked, 2);
  });

  it("are repeated to requests of the same bytes until the token ends, and not a moment longer", async (t) => {
    const source = personal();
    // Ends between two seconds of the clock: a repeated reply ends with its second anyway.
    const api = await serveSources(t, { "/": source }, { auth: { jwt: { secret: SECRET, clockSkew: 500 } } });
    const exp = inSeconds(0);
    const replies = await repeat(api, bearer({ sub: "ann", exp }), (status) => status !== 200);
    const endMs = (exp + 1) * 1000 + 500;
    for (const { status, sentMs, body } of replies) {
      if (status === 200) assert.equal(body, "for ann");
      if (sentMs >= endMs) assert.equal(status, 401);
    }
    assert.ok(Date.now() >= endMs);
    assert.equal(source.asked, 1);
  });

  it("are not repeated once the key they were given for is gone", async (t) => {
    const file = join(await testFolder(t), "keys.json");
    const [one, two] = [makeApiKey(), makeApiKey()];
    await writeFile(file, JSON.stringify([{ name: "one", hash: one.hash }]));
    const source = personal();
    const api = await serveSources(t, { "/": source }, { auth: { apiKeys: { file } } });
    const authorization = `ApiKey ${one.key}`;
    let reloadedMs = Infinity;
    const replies = await repeat(api, { authorization }, (status, times) => {
      if (times === 200) {
        void writeFile(file, JSON.stringify([{ name: "two", hash: two.hash }]))
          .then(() => api.server.reload())
          .then(() => (reloadedMs = Date.now()));
      }
      return status !== 200;
    });
    assert.ok(replies.length > 200);
    for (const { status, sentMs } of replies) if (sentMs > reloadedMs) assert.equal(status, 401);
    assert.equal((await api.get("/a", { authorization })).status, 401);
    const next = await api.get("/a", { authorization: `ApiKey ${two.key}` });
    assert.deepEqual([next.text, next.headers["vary"]], ["for two", "Accept-Encoding, Authorization, X-API-Key"]);
  });
});

describe("a source that asks who asks", () => {
  it("is told, but for the source that does not ask", async (t: TestScope) => {
    const plain: Source = {
      name: "plain",
      resolve: ({ identity, headers }) => ({
        status: 200,
        headers: {},
        body: `${identity === undefined} ${headers.authorization?.slice(0, 6)}`,
      }),
    };
    const api = await serveSources(t, { "/": personal(), "/plain": plain }, AUTH);
    assert.equal((await api.get("/a", bearer({ sub: "ann" }))).text, "for ann");
    assert.equal((await api.get("/plain", { authorization: "Bearer x" })).text, "true Bearer");
    const open = await serveSources(t, { "/": personal() });
    assert.equal((await open.get("/a", { authorization: "Bearer x" })).text, "for unknown");
  });
});
