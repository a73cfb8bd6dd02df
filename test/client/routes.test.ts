import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { type ApiError, createRoutes, type RouteClient } from "../../src/client/index.ts";
import { del, get, post } from "../../src/index.ts";
import { serveSources } from "../support/server.ts";

const routes = [
  get("/users/:id", {
    params: z.object({ id: z.coerce.number<number>().int() }),
    query: z.object({ tag: z.array(z.string()).optional() }),
    reply: z.object({ id: z.number(), tags: z.array(z.string()) }),
    handle: ({ params, query }) => ({ id: params.id, tags: query.tag ?? [] }),
  }),
  get("/files/*path", { handle: ({ params }) => params }),
  post("/orders", {
    body: z.object({ quantity: z.number().max(9) }),
    errors: { sold_out: { status: 409, message: "Nothing is left." } },
    handle: ({ body, fail }) => (body.quantity > 5 ? fail("sold_out") : { placed: body.quantity }),
  }),
  del("/orders/:id", { handle: () => undefined }),
];
type Client = RouteClient<(typeof routes)[number]>;

test("routes are called as they are declared, and reads of one tick together", async (t) => {
  const api = await serveSources(t, undefined, { routes });
  const client = createRoutes<typeof routes>(api.url);
  const ids = [1, 2, 3];
  const users = await Promise.all(
    ids.map(async (id) => client.get("/users/:id", { params: { id }, query: { tag: ["a&b", "ü"] } })),
  );
  assert.deepEqual(
    users,
    ids.map((id) => ({ id, tags: ["a&b", "ü"] })),
  );
  const { path } = await client.get("/files/*path", { params: { path: "a/b c/ü?.txt" } });
  assert.equal(path, "a/b c/ü?.txt");
  assert.deepEqual(await client.post("/orders", { body: { quantity: 2 } }), { placed: 2 });
  await assert.rejects(client.post("/orders", { body: { quantity: 6 } }), (error: ApiError) => {
    assert.deepEqual([error.status, error.code, error.message], [409, "sold_out", "Nothing is left."]);
    return true;
  });
  await assert.rejects(client.post("/orders", { body: { quantity: 10 } }), { code: "HP_INPUT_INVALID" });
  assert.equal(await client.del("/orders/:id", { params: { id: "7" } }), undefined);
  await assert.rejects(client.get("/files/*path", { params: { path: "" } }), /needs path/);
});

/** What compiles, and what does not: never called. */
export async function types(client: Client): Promise<void> {
  const user = await client.get("/users/:id", { params: { id: 1 } });
  const id: number = user.id;
  assert.ok(id);
  // @ts-expect-error it answers no name
  assert.ok(user.name);
  // @ts-expect-error there is no such route
  await client.get("/user/:id", { params: { id: 1 } });
  // @ts-expect-error nor one of this method
  await client.post("/users/:id", { params: { id: 1 } });
  // @ts-expect-error its parameter is missing
  await client.get("/users/:id");
  // @ts-expect-error and is a number
  await client.get("/users/:id", { params: { id: "one" } });
  // @ts-expect-error the query has no such name
  await client.get("/users/:id", { params: { id: 1 }, query: { tags: ["a"] } });
  // @ts-expect-error the body is missing
  await client.post("/orders");
  // @ts-expect-error and has a number
  await client.post("/orders", { body: { quantity: "two" } });
}
