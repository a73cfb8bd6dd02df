import assert from "node:assert/strict";
import { request as httpRequest } from "node:http";
import { test } from "node:test";
import { type } from "arktype";
import * as v from "valibot";
import { z } from "zod";
import {
  content,
  defineApi,
  del,
  events,
  get,
  HotpathError,
  ndjson,
  post,
  put,
  reply,
  type Source,
} from "../../src/index.ts";
import { SECRET, signText } from "../auth/tokens.ts";
import type { TestScope } from "../support/defer.ts";
import { type ServedApi, serveSources } from "../support/server.ts";

const JSON_BODY = { "content-type": "application/json" };

function hs256(claims: object): string {
  return signText(SECRET, JSON.stringify(claims));
}

function serveRoutes(t: TestScope, routes: Parameters<typeof defineApi>[0]["routes"], more = {}): Promise<ServedApi> {
  return serveSources(t, undefined, { routes, ...more });
}

const everything: Source = {
  name: "everything",
  resolve: ({ method, path }) => ({ status: 200, headers: {}, body: `${method} ${path} of the source` }),
};

const say = (text: string) => ({ handle: () => content(text, "text/plain") });
const handle = () => null;
const start = async (routes: ReturnType<typeof get>[], sources?: Record<string, Source>) =>
  defineApi({ sources, routes }).listen({ server: { port: 0 }, admin: { enabled: false }, log: { level: "silent" } });

test("schemas of three libraries read parameters, query and body, and say what is wrong with them", async (t) => {
  const api = await serveRoutes(t, [
    post("/zod/:id", {
      params: z.object({ id: z.coerce.number().int() }),
      query: z.object({ tag: z.union([z.string(), z.array(z.string())]).optional() }),
      body: z.object({ name: z.string().min(1) }),
      handle: ({ params, query, body }) => ({ params, query, body }),
    }),
    post("/valibot/:id", {
      params: v.object({ id: v.pipe(v.string(), v.toNumber(), v.integer()) }),
      body: v.object({ name: v.pipe(v.string(), v.minLength(1)) }),
      handle: ({ params, body }) => ({ params, body }),
    }),
    post("/arktype/:id", {
      params: type({ id: "string.integer.parse" }),
      body: type({ name: "string >= 1" }),
      handle: ({ params, body }) => ({ params, body }),
    }),
  ]);
  for (const library of ["zod", "valibot", "arktype"]) {
    const good = await api.send("POST", `/${library}/7?tag=a&tag=b`, JSON_BODY, '{"name":"Ada"}');
    assert.equal(good.status, 200, good.text);
    const query = library === "zod" ? { query: { tag: ["a", "b"] } } : {};
    assert.deepEqual(JSON.parse(good.text), { params: { id: 7 }, ...query, body: { name: "Ada" } });
    const form = await api.send(
      "POST",
      `/${library}/7`,
      { "content-type": "application/x-www-form-urlencoded" },
      "name=Ada",
    );
    assert.deepEqual(JSON.parse(form.text).body, { name: "Ada" });
    const wrong = await api.send("POST", `/${library}/seven`, JSON_BODY, '{"name":"Ada"}');
    assert.equal(wrong.status, 400);
    assert.equal(wrong.headers["content-type"], "application/problem+json");
    assert.equal(JSON.parse(wrong.text).code, "HP_INPUT_INVALID");
    assert.equal(JSON.parse(wrong.text).issues[0].at, "parameters.id");
    const empty = await api.send("POST", `/${library}/7`, JSON_BODY, '{"name":""}');
    assert.equal(JSON.parse(empty.text).issues[0].at, "body.name");
    const broken = await api.send("POST", `/${library}/7`, JSON_BODY, '{"name":');
    assert.equal(JSON.parse(broken.text).code, "HP_INPUT_INVALID");
    assert.equal((await api.send("POST", `/${library}/7`, { "content-type": "text/csv" }, "name")).status, 415);
    assert.equal((await api.send("POST", `/${library}/7`)).status, 400, "without content");
    assert.equal((await api.send("POST", `/${library}/%zz`, JSON_BODY, "{}")).status, 400);
  }
});

test("what a reply's schema leaves out never leaves the server, and a reply that is wrong is a 500 without detail", async (t) => {
  const api = await serveRoutes(t, [
    get("/user", {
      reply: z.object({ name: z.string() }),
      handle: () => ({ name: "Ada", password: "secret" }),
    }),
    get("/wrong", {
      reply: z.object({ name: z.string() }),
      handle: () => JSON.parse('{"name":7,"password":"secret"}') as { name: string },
    }),
    get("/thrown", {
      handle: () => {
        throw new Error("secret");
      },
    }),
  ]);
  assert.equal((await api.get("/user")).text, '{"name":"Ada"}');
  for (const path of ["/wrong", "/thrown"]) {
    const { status, text } = await api.get(path);
    assert.equal(status, 500);
    assert.doesNotMatch(text, /secret|name/);
  }
});

test("handlers choose status, fields and content; declared errors have their code and details", async (t) => {
  const api = await serveRoutes(t, [
    post("/orders", { status: 201, handle: () => ({ id: 1 }) }),
    put("/orders/:id", {
      errors: { sold_out: { status: 409, message: "Nothing is left.", details: z.object({ left: z.number() }) } },
      handle: ({ fail }) => fail("sold_out", { left: 0 }),
    }),
    del("/orders/:id", { handle: () => undefined }),
    get("/moved", { handle: () => reply(null, { status: 303, headers: { location: "/orders" } }) }),
    get("/text", { handle: () => content("hello", "text/plain", { modified: new Date(0) }) }),
    get("/missing", {
      handle: () => {
        throw new HotpathError("HP_NOT_FOUND", "No such thing.");
      },
    }),
  ]);
  assert.equal((await api.send("POST", "/orders")).status, 201);
  const sold = await api.send("PUT", "/orders/1");
  assert.equal(sold.status, 409);
  assert.deepEqual(JSON.parse(sold.text), {
    left: 0,
    type: "about:blank",
    title: "Conflict",
    status: 409,
    detail: "Nothing is left.",
    code: "sold_out",
  });
  assert.equal((await api.send("DELETE", "/orders/1")).status, 204);
  const moved = await api.get("/moved");
  assert.deepEqual([moved.status, moved.headers.location], [303, "/orders"]);
  const text = await api.get("/text");
  assert.deepEqual([text.text, text.headers["last-modified"]], ["hello", "Thu, 01 Jan 1970 00:00:00 GMT"]);
  assert.equal((await api.get("/missing")).status, 404);
});

test("the pipeline serves routes like any source: validators, 304, HEAD, compression, metrics by pattern", async (t) => {
  const long = Array.from({ length: 200 }, (_, id) => ({ id, name: `name ${id}` }));
  const api = await serveRoutes(t, [get("/things/:kind", { handle: () => long })]);
  const first = await api.get("/things/all", { "accept-encoding": "gzip" });
  assert.equal(first.headers["content-encoding"], "gzip");
  const plain = await api.get("/things/all");
  assert.deepEqual(JSON.parse(plain.text), long);
  const again = await api.get("/things/all", { "if-none-match": String(plain.headers.etag) });
  assert.equal(again.status, 304);
  const head = await api.send("HEAD", "/things/all");
  assert.deepEqual([head.status, head.text, head.headers.etag], [200, "", plain.headers.etag]);
  assert.match(await api.metrics(), /api_requests_total\{[^}]*"\/things\/:kind"/);
});

test("routes and sources share one router", async (t) => {
  const api = await serveSources(
    t,
    { "/": everything, "/legacy": everything },
    {
      routes: [
        get("/users/me", say("me")),
        get("/users/:id", say("one")),
        get("/users/:id/orders", say("orders")),
        get("/files/*path", { handle: ({ params }) => params }),
        get("/:tenant/orders", say("tenant")),
        get("/legacy/new/:id", say("new")),
      ],
    },
  );
  const texts: Readonly<Record<string, string>> = {
    "/users/me": "me",
    "/users/7": "one",
    "/users/7/orders": "orders",
    "/users/me/orders": "orders",
    "/files/a/b%20c": '{"path":"a/b c"}',
    "/files": "GET /files of the source",
    "/acme/orders": "tenant",
    // The source is mounted closer than the route's literal beginning.
    "/legacy/orders": "GET /legacy/orders of the source",
    "/legacy/new/1": "new",
    "/users/": "GET /users/ of the source",
  };
  for (const [path, text] of Object.entries(texts)) assert.equal((await api.get(path)).text, text, path);
  // Another method is the source's.
  assert.equal((await api.send("POST", "/users/7")).text, "POST /users/7 of the source");
  const alone = await serveRoutes(t, [get("/a/:b", say("b")), post("/a/:b", say("b"))]);
  const refused = await alone.send("DELETE", "/a/1");
  assert.deepEqual([refused.status, refused.headers.allow], [405, "HEAD, GET, POST, OPTIONS"]);
  assert.equal((await alone.send("OPTIONS", "/a/1")).status, 204);
  assert.equal((await alone.get("/elsewhere")).status, 404);
});

test("conflicts are errors at the start", async () => {
  const conflict = { code: "HP_ROUTE_CONFLICT" };
  await assert.rejects(start([get("/a/:b", { handle }), get("/a/:c", { handle })]), conflict);
  await assert.rejects(start([get("/old/*rest", { handle })], { "/old": everything }), conflict);
  await assert.rejects(start([post("/batch", { handle })] as never), conflict);
  assert.throws(() => get("/a/:b/:b", { handle }), { code: "HP_ROUTE_INVALID" });
  assert.throws(() => get("a", { handle }), { code: "HP_ROUTE_INVALID" });
  await assert.rejects(start([get("/a", { handle, cache: { maxAge: "soon" } })]), { code: "HP_OPTION_INVALID" });
  await assert.rejects(start(["/a"] as never), { code: "HP_OPTION_INVALID" });
});

test("cached replies are given again until their tag is purged, and never to another identity", async (t) => {
  let made = 0;
  const api = await serveRoutes(
    t,
    [
      get("/shown/:id", {
        cache: { maxAge: "1h", tags: ({ params }) => [`shown:${params.id}`] },
        handle: ({ params, identity }) => ({ ...params, to: identity?.subject ?? null, made: ++made }),
      }),
      get("/public", {
        auth: "none",
        cache: { maxAge: "1h", clients: "public, max-age=60" },
        handle: ({ identity, headers }) => ({ identity: identity ?? null, token: headers.authorization, made: ++made }),
      }),
      post("/purge/:id", { handle: async ({ purge, params }) => purge([`shown:${params.id}`]) }),
    ],
    { auth: { jwt: { secret: SECRET } } },
  );
  const asAda = { authorization: `Bearer ${hs256({ sub: "ada", role: "member" })}` };
  const asBob = { authorization: `Bearer ${hs256({ sub: "bob", role: "member" })}` };
  const body = async (path: string, headers = {}) => JSON.parse((await api.get(path, headers)).text);
  const anonymous = await body("/shown/1");
  const ada = await body("/shown/1", asAda);
  assert.equal(ada.to, "ada");
  assert.equal((await body("/shown/1", asBob)).to, "bob");
  assert.deepEqual(await body("/shown/1"), anonymous);
  assert.deepEqual(await body("/shown/1", asAda), ada);
  await api.send("POST", "/purge/1");
  assert.notEqual((await body("/shown/1", asAda)).made, ada.made);
  const shared = await body("/public", asAda);
  assert.deepEqual(shared, { identity: null, made: shared.made });
  assert.deepEqual(await body("/public", asBob), shared);
  assert.equal((await api.get("/public")).headers["cache-control"], "public, max-age=60");
});

test("what nobody has verified is never kept for others", async (t) => {
  const api = await serveRoutes(t, [
    get("/mine", {
      cache: { maxAge: "1h" },
      handle: ({ headers }) => headers.cookie ?? headers.authorization ?? "nobody",
    }),
  ]);
  for (const headers of [{ cookie: "session=1" }, { authorization: "Bearer x" }, { cookie: "session=2" }, {}, {}]) {
    const expected = Object.values(headers)[0] ?? "nobody";
    assert.equal(JSON.parse((await api.get("/mine", headers)).text), expected);
  }
});

test("remembered values are worked out once for all who ask at the same time, until their tag is purged", async (t) => {
  let computed = 0;
  const release = Promise.withResolvers<void>();
  const api = await serveRoutes(
    t,
    [
      get("/total", {
        handle: async ({ remember }) =>
          remember.forAll("total", "1h", ["totals"], async () => {
            await release.promise;
            return { total: ++computed };
          }),
      }),
      get("/own", {
        handle: async ({ remember, identity }) => remember("own", "1h", [], () => identity?.subject ?? ""),
      }),
      get("/fails", {
        handle: async ({ remember }) =>
          remember("fails", "1h", [], () => {
            throw new HotpathError("HP_NOT_FOUND", "No such thing.");
          }),
      }),
      post("/purge", { handle: async ({ purge }) => purge(["totals"]) }),
    ],
    { auth: { jwt: { secret: SECRET } } },
  );
  const asked = Array.from({ length: 8 }, async () => api.json("/total"));
  release.resolve();
  assert.deepEqual(new Set((await Promise.all(asked)).map((each) => JSON.stringify(each))), new Set(['{"total":1}']));
  await api.send("POST", "/purge");
  assert.deepEqual(await api.json("/total"), { total: 2 });
  for (const sub of ["ada", "bob"]) {
    assert.equal(await api.json("/own", { authorization: `Bearer ${hs256({ sub })}` }), sub);
  }
  assert.equal((await api.get("/fails")).status, 404);
});

test("clients choose fields where a route lets them", async (t) => {
  const user = { id: 1, name: "Ada", profile: { avatar: "a.png", size: 3 } };
  const api = await serveRoutes(t, [
    get("/user", { fields: true, handle: () => user }),
    get("/whole", { handle: () => user }),
  ]);
  assert.deepEqual(await api.json("/user?fields=id,profile(avatar)"), { id: 1, profile: { avatar: "a.png" } });
  assert.deepEqual(await api.json("/user"), user);
  assert.deepEqual(await api.json("/whole?fields=id"), user);
  assert.equal((await api.get("/user?fields=(")).status, 400);
});

test("streams go out as they come, and end with their client", async (t) => {
  const ended = Promise.withResolvers<number>();
  const numbers = async function* (): AsyncGenerator<{ n: number }> {
    let n = 0;
    try {
      for (; n < 1_000_000_000; n++) yield { n };
    } finally {
      ended.resolve(n);
    }
  };
  const api = await serveRoutes(t, [
    get("/lines", { handle: () => ndjson([{ n: 1 }, { n: 2 }]) }),
    get("/endless", { handle: () => ndjson(numbers()) }),
    get("/events", { handle: () => events([{ data: { n: 1 }, event: "tick", id: "7\nretry: 1" }, { data: null }]) }),
  ]);
  assert.equal((await api.get("/lines")).text, '{"n":1}\n{"n":2}\n');
  const told = await api.get("/events", { "accept-encoding": "gzip" });
  assert.equal(told.text, 'event: tick\nid: 7 retry: 1\ndata: {"n":1}\n\ndata: null\n\n');
  assert.equal(told.headers["content-type"], "text/event-stream");
  const request = httpRequest(`${api.url}/endless`, (response) => {
    response.once("readable", () => response.destroy());
  });
  request.on("error", () => undefined).end();
  assert.ok((await ended.promise) < 1_000_000_000, "the generator was ended");
});

test("a handler is told that its client has left, and when its time is over", async (t) => {
  const left = Promise.withResolvers<boolean>();
  const begun = Promise.withResolvers<void>();
  const api = await serveRoutes(t, [
    get("/waits", {
      handle: async ({ signal }) => {
        const { promise, resolve } = Promise.withResolvers<void>();
        signal.addEventListener("abort", () => resolve(), { once: true });
        begun.resolve();
        await promise;
        left.resolve(signal.aborted);
      },
    }),
    get("/late", {
      handle: async ({ gather, deadline }) =>
        gather([
          async (signal) => new Promise((_, reject) => signal.addEventListener("abort", reject)),
          () => deadline,
        ]),
    }),
  ]);
  const request = httpRequest(`${api.url}/waits`).on("error", () => undefined);
  request.end();
  await begun.promise;
  request.destroy();
  assert.equal(await left.promise, true);
  assert.equal((await api.get("/late", { "request-timeout": "0.2" })).status, 504);
});
