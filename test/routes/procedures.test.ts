import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { status } from "@grpc/grpc-js";
import { z } from "zod";
import { content, defineApi, del, get, post, postgres, reply, type Route } from "../../src/index.ts";
import { inSeconds, SECRET, signText } from "../auth/tokens.ts";
import { requireCommand } from "../support/commands.ts";
import { type Calls, describeServices } from "../support/connect.ts";
import { defer } from "../support/defer.ts";
import { failureOf, grpcClient } from "../support/grpc.ts";
import { testDatabase } from "../support/postgres.ts";
import { decode, encode, parseProto } from "../support/proto.ts";
import { serveApi, serveSources } from "../support/server.ts";

const ORDER = z.object({ id: z.number().int(), total: z.number(), note: z.string().nullable() });

const ROUTES = "hotpath.routes.Routes";

test("routes with schemas are called by gRPC, gRPC-Web and Connect", async (t) => {
  let asked = 0;
  const routes = [
    get("/users/:id/orders", {
      summary: "Orders of a user",
      params: z.object({ id: z.coerce.number().int() }),
      query: z.object({ limit: z.coerce.number().int().optional(), tag: z.array(z.string()).optional() }),
      reply: z.object({ user: z.number(), tags: z.array(z.string()), orders: z.array(ORDER) }),
      fields: true,
      cache: { maxAge: "1h" },
      handle: ({ params, query }) => {
        asked++;
        const orders = Array.from({ length: query.limit ?? 2 }, (_, index) => ({ id: index, total: 0.5, note: null }));
        return { user: params.id, tags: query.tag ?? [], orders };
      },
    }),
    post("/orders", {
      body: ORDER.omit({ id: true }),
      reply: ORDER,
      errors: { TOO_MUCH: { status: 422, message: "That is too much.", details: z.object({ most: z.number() }) } },
      handle: ({ body, fail }) =>
        body.total > 100 ? fail("TOO_MUCH", { most: 100 }) : reply({ id: 7, ...body }, { status: 201 }),
    }),
    get("/files/*path", {
      params: z.object({ path: z.string() }),
      reply: z.object({ path: z.string() }),
      handle: ({ params }) => params,
    }),
    del("/orders/:id", { params: z.object({ id: z.string() }), handle: () => undefined }),
    get("/any", {
      query: z.object({ as: z.string() }),
      handle: ({ query }) => (query.as === "text" ? content("plain", "text/plain") : { as: query.as, deep: [1] }),
    }),
    get("/me", {
      auth: "require",
      reply: z.object({ who: z.string() }),
      handle: ({ identity }) => ({ who: identity?.subject ?? "" }),
    }),
    get("/list", { reply: z.array(ORDER), fields: true, handle: () => [{ id: 1, total: 2, note: "x" }] }),
    get("/slow", {
      query: z.object({ wait: z.coerce.boolean() }),
      handle: ({ signal }) =>
        new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error))),
    }),
    get("/undescribed", { handle: () => ({}) }),
  ] as const;
  const api = await serveSources(t, undefined, { routes, auth: { jwt: { secret: SECRET } } });
  const described = await api.get("/routes.proto");
  assert.equal(described.status, 200, described.text);
  assert.equal((await api.get("/schema.proto")).text, described.text);
  const root = parseProto(described.text);
  const client = grpcClient(t, api.url, root);
  const call = (method: string, request: object, metadata: Readonly<Record<string, string>> = {}) =>
    client.unary(`${ROUTES}/${method}`, request as Record<string, unknown>, { metadata });

  await t.test(
    "parameters, query and content are in the request, and the cache stands before the handler",
    async () => {
      const request = { params: { id: 5 }, query: { limit: 1, tag: ["a b", "c&d"] } };
      const expected = { user: 5, tags: ["a b", "c&d"], orders: [{ id: "0", total: 0.5 }] };
      for (let round = 0; round < 2; round++) assert.deepEqual(await call("GetUsersByIdOrders", request), expected);
      assert.equal(asked, 1);
      const masked = await call("GetUsersByIdOrders", { ...request, fields: { paths: ["user", "orders.total"] } });
      assert.deepEqual(masked, { user: 5, orders: [{ total: 0.5 }] });
      assert.deepEqual(await call("PostOrders", { body: { total: 9.5 } }), { id: "7", total: 9.5 });
      assert.deepEqual(await call("GetFilesByPath", { params: { path: "a/ü ?/.." } }), { path: "a/ü ?/.." });
      assert.deepEqual(await call("GetList", { fields: { paths: ["value.id"] } }), { value: [{ id: "1" }] });
    },
  );

  await t.test("what has no schema is JSON, nothing an empty message, and other content is refused", async () => {
    assert.deepEqual(await call("GetAny", { query: { as: "json" } }), { value: '{"as":"json","deep":[1]}' });
    assert.deepEqual(await call("DeleteOrdersById", { params: { id: "x" } }), {});
    const { code, details } = await failureOf(call("GetAny", { query: { as: "text" } }));
    assert.deepEqual(
      [code, details],
      [status.INVALID_ARGUMENT, "The route answered text/plain, which no message holds."],
    );
  });

  await t.test("failures say what is wrong", async () => {
    const invalid = await failureOf(call("PostOrders", { body: { note: "no total" } }));
    assert.equal(invalid.code, status.INVALID_ARGUMENT);
    const info = (failure: { metadata: { get(name: string): unknown[] } }) => {
      const [details] = failure.metadata.get("grpc-status-details-bin");
      const told = decode(root, "google.rpc.Status", details as Buffer);
      const [any] = told["details"] as { value: string }[];
      return decode(root, "google.rpc.ErrorInfo", Buffer.from(any?.value ?? "", "base64"));
    };
    assert.match(JSON.stringify(info(invalid)), /body\.total/);
    const declared = await failureOf(call("PostOrders", { body: { total: 101 } }));
    assert.deepEqual([declared.details, info(declared)["reason"]], ["That is too much.", "TOO_MUCH"]);
    assert.equal((info(declared)["metadata"] as Record<string, string>)["most"], "100");
    assert.equal((await failureOf(call("GetUsersByIdOrders", {}))).code, status.INVALID_ARGUMENT);
    const unknown = await failureOf(call("GetUsersByIdOrders", { params: { id: 5 }, fields: { paths: ["nope"] } }));
    assert.match(unknown.details, /no field nope/);
    const truncated = encode(root, "hotpath.routes.PostOrdersRequest", { body: { note: "a longer text" } });
    const type = { "content-type": "application/proto" };
    const path = `/${ROUTES}/PostOrders`;
    assert.equal((await api.send("POST", path, type, truncated.subarray(0, -3))).status, 400);
    assert.match((await api.send("POST", path, type, Buffer.from([0x7a, 0]))).text, /has no field 15/);
    assert.match((await api.send("POST", path, type, Buffer.from([0x18, 1]))).text, /wire type 0/);
    const late = await failureOf(client.unary(`${ROUTES}/GetSlow`, { query: { wait: "1" } }, { deadlineMs: 200 }));
    assert.equal(late.code, status.DEADLINE_EXCEEDED);
    assert.equal((await api.send("POST", `/${ROUTES}/GetUndescribed`, type, "")).status, 501);
  });

  await t.test("who asks is known", async () => {
    assert.equal((await failureOf(call("GetMe", {}))).code, status.UNAUTHENTICATED);
    const authorization = `Bearer ${signText(SECRET, JSON.stringify({ sub: "ann", exp: inSeconds(60) }))}`;
    assert.deepEqual(await call("GetMe", {}, { authorization }), { who: "ann" });
  });

  await t.test("Connect in both forms and by GET, and gRPC-Web", async () => {
    const services = await describeServices(api, "/routes.proto");
    const options = { baseUrl: api.url, httpVersion: "1.1" } as const;
    for (const transport of [
      createConnectTransport(options),
      createConnectTransport({ ...options, useBinaryFormat: false, useHttpGet: true }),
      createGrpcWebTransport(options),
    ]) {
      const calls = createClient(services(ROUTES), transport) as unknown as Calls;
      const answered = await calls["getUsersByIdOrders"]!({ params: { id: 5n }, query: { limit: 1n } });
      assert.deepEqual([answered["user"], (answered["orders"] as { id: bigint }[])[0]?.id], [5, 0n]);
      assert.equal((await calls["postOrders"]!({ body: { total: 1 } }))["id"], 7n);
    }
  });
});

test("the file of routes is one that protoc takes, and hangs on neither order nor other fields", async (t) => {
  const api = await serveApi(
    t,
    defineApi({
      sources: { "/": postgres(await testDatabase(t, { sql: "create table users (id int primary key)" })) },
      routes: [
        ...SAME,
        get("/a/:id", { reply: z.object({ b: z.string(), a: z.number() }), handle: () => ({ a: 1, b: "" }) }),
      ],
    }),
  );
  const again = await serveSources(t, undefined, {
    routes: [
      get("/a/:id", {
        reply: z.object({ a: z.number(), more: z.boolean(), b: z.string() }),
        handle: () => ({ a: 1, b: "", more: true }),
      }),
      ...SAME.toReversed(),
      get("/lists", { reply: z.array(z.object({ parts: z.array(ORDER) })), handle: () => [] }),
    ],
  });
  const old = parseProto((await api.get("/routes.proto")).text);
  const { bytes } = await again.send(
    "POST",
    `/${ROUTES}/GetAById`,
    { "content-type": "application/proto" },
    Buffer.from(encode(old, "hotpath.routes.GetAByIdRequest", { params: { id: "1" } })),
  );
  assert.deepEqual(decode(old, "hotpath.routes.GetAByIdReply", bytes), { a: 1, b: "" });
  // Tables have /schema.proto where there are some, and reflection tells of both.
  assert.match((await api.get("/schema.proto")).text, /package hotpath\.api;/);
  for (const service of [ROUTES, "hotpath.api.UsersService"]) {
    const client = grpcClient(t, api.url, old);
    const stream = client.client.makeBidiStreamRequest(
      "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
      (message: Record<string, unknown>) =>
        Buffer.from(encode(old, "grpc.reflection.v1.ServerReflectionRequest", message)),
      (answer: Buffer) => decode(old, "grpc.reflection.v1.ServerReflectionResponse", answer),
    );
    stream.write({ list_services: "" });
    stream.end();
    for await (const answer of stream) assert.ok(JSON.stringify(answer).includes(service));
  }
  const protoc = requireCommand(t, "protoc");
  if (protoc === undefined) return;
  const directory = await mkdtemp(join(tmpdir(), "routes-"));
  defer(t, () => rm(directory, { recursive: true }));
  await writeFile(join(directory, "routes.proto"), (await again.get("/routes.proto")).text);
  const { stderr } = await promisify(execFile)(protoc, [
    "-I",
    directory,
    "--descriptor_set_out=/dev/null",
    "routes.proto",
  ]);
  assert.equal(stderr, "");
});

/** Paths whose names would be the same. */
const SAME: readonly Route[] = ["/user-orders", "/user/orders", "/user_orders", "/b/:user", "/b/by/user"].map((path) =>
  get(path, { reply: z.object({ path: z.string() }), handle: () => ({ path }) }),
);
