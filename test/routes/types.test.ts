import assert from "node:assert/strict";
import { test } from "node:test";
import { type } from "arktype";
import * as v from "valibot";
import { z } from "zod";
import { del, get, post, reply } from "../../src/index.ts";

/** What compiles where a route is declared, and what does not: nothing of it is ever called. */
export const declarations = [
  get("/users/:id/files/*path", {
    handle: ({ params }) => {
      const both: string = params.id + params.path;
      // @ts-expect-error the path has no such parameter
      return both + params.name;
    },
  }),
  get("/users/:id", {
    params: z.object({ id: z.coerce.number() }),
    query: v.object({ tag: v.optional(v.string()) }),
    handle: ({ params, query }) => {
      // @ts-expect-error the schema makes a number of it
      const id: string = params.id;
      // @ts-expect-error it may be missing
      const tag: string = query.tag;
      // @ts-expect-error the query has no such name
      return [id, tag, query.tags];
    },
  }),
  get("/bodiless", {
    // @ts-expect-error a handler without a schema for it gets no body
    handle: ({ body }) => body.name,
  }),
  post("/orders", {
    body: type({ quantity: "number" }),
    handle: ({ body }) => {
      // @ts-expect-error it is a number
      const quantity: string = body.quantity;
      // @ts-expect-error the body has no such name
      return [quantity, body.amount];
    },
  }),
  get("/wrong-reply", {
    reply: z.object({ name: z.string() }),
    // @ts-expect-error the schema wants a text
    handle: () => ({ name: 7 }),
  }),
  get("/wrong-reply-later", {
    reply: z.object({ name: z.string() }),
    // @ts-expect-error the schema wants a name
    handle: async () => ({ title: "Ada" }),
  }),
  get("/wrong-value", {
    reply: z.object({ name: z.string() }),
    // @ts-expect-error a status of one's own changes nothing of that
    handle: () => reply({ name: 7 }, { status: 201 }),
  }),
  del("/orders/:id", {
    errors: { sold_out: { status: 409, details: z.object({ left: z.number() }) }, gone: { status: 410 } },
    handle: ({ fail }) => {
      fail("gone");
      // @ts-expect-error no such error is declared
      fail("sold");
      // @ts-expect-error its details are missing
      fail("sold_out");
      // @ts-expect-error and have a number
      fail("sold_out", { left: "none" });
    },
  }),
  get("/reads", {
    handle: async ({ sql }) => {
      const [row] = await sql<{ id: number }>`select id from users`;
      // @ts-expect-error there may be no row
      const id: number = row.id;
      const one = await sql.one<{ id: number }>`select id from users`;
      // @ts-expect-error the row has no such column
      const name: unknown = one.name;
      // @ts-expect-error a route that reads has no transactions
      return [id, name, sql.transaction];
    },
  }),
  get("/cached/:id", {
    params: z.object({ id: z.coerce.number() }),
    // @ts-expect-error tags are made from what the schemas made
    cache: { maxAge: "1m", tags: ({ params }) => [params.name] },
    handle: () => null,
  }),
  get("/parts", {
    handle: async ({ span }) => {
      // @ts-expect-error a part answers what its work answers
      const text: string = await span("part", () => 7);
      return text;
    },
  }),
];

test("declarations that do not compile are still only values", () => {
  assert.ok(declarations.every(({ kind }) => kind === "route"));
});
