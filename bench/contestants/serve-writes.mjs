// What the hand-written servers of the write scenarios share: routes, schemas that Fastify compiles validators and serializers from,
// statements.
import Fastify from "fastify";
import { JSON_TYPE, USER_SCHEMA } from "./shop.mjs";

const text = { type: "string" };
const integer = { type: "integer" };
const number = { type: "number" };

const ORDER = {
  type: "object",
  required: ["user_id", "total", "status", "note"],
  properties: { user_id: integer, total: number, status: text, note: text },
};
const ORDER_ROW = {
  type: "object",
  properties: { id: integer, ...ORDER.properties, created_at: text, updated_at: text },
};
const NOTE = { type: "object", required: ["note"], properties: { note: text } };
const CHANGE = { type: "object", required: ["full_name", "country"], properties: { full_name: text, country: text } };
const INSERT = "insert into bench_orders (user_id, total, status, note) values ($1, $2, $3, $4)";
export const INSERT_ROWS = `${INSERT} returning *`;
export const INSERT_TEXT = `${INSERT} returning row_to_json(bench_orders)::text`;
export const READ_ROWS = "select * from bench_users where id = $1";
export const READ_TEXT = "select row_to_json(bench_users)::text from bench_users where id = $1";
export const LIST_TEXT =
  "select coalesce(json_agg(o), '[]')::text from (select id, status, total, note, created_at from bench_lists where user_id = $1 " +
  "order by created_at desc, id limit 20) o";
export const UPDATE_ORDER_TEXT =
  "update bench_lists set note = $2 where id = $1 returning row_to_json(bench_lists)::text";
const UPDATE = "update bench_users set full_name = $2, country = $3 where id = $1";
export const UPDATE_ROWS = `${UPDATE} returning *`;
export const UPDATE_TEXT = `${UPDATE} returning row_to_json(bench_users)::text`;
export const BULK_UNNEST =
  "insert into bench_orders (user_id, total, status, note) select * from unnest($1::int[], $2::numeric[], $3::text[], $4::text[])";
export const BULK_JSON =
  "insert into bench_orders (user_id, total, status, note) select user_id, total, status, note " +
  "from json_to_recordset($1::text::json) as o (user_id int, total numeric, status text, note text)";

/** A list of a thousand orders, and some room. */
const BODY_LIMIT = 1024 * 1024;

/**
 * @param database `row(statement, values)` answers an object, `cell(statement, values)` a text, `run(statement, values)` nothing;
 *   statements are the constants above. `close`.
 */
export async function serveWrites(database) {
  const app = Fastify({ logger: false, bodyLimit: BODY_LIMIT });
  app.get("/ready", async () => "ready");

  app.post("/rows/orders", { schema: { body: ORDER, response: { 201: ORDER_ROW } } }, async ({ body }, reply) => {
    reply.code(201);
    return database.row(INSERT_ROWS, [body.user_id, body.total, body.status, body.note]);
  });
  app.post("/text/orders", { schema: { body: ORDER } }, async ({ body }, reply) => {
    reply.code(201).header("content-type", JSON_TYPE);
    return database.cell(INSERT_TEXT, [body.user_id, body.total, body.status, body.note]);
  });

  // Reads beside writes.
  app.get("/rows/users/:id", { schema: { response: { 200: USER_SCHEMA } } }, ({ params }) =>
    database.row(READ_ROWS, [params.id]),
  );
  app.get("/text/users/:id", async ({ params }, reply) => {
    reply.header("content-type", JSON_TYPE);
    return database.cell(READ_TEXT, [params.id]);
  });

  app.get("/text/users/:id/orders", async ({ params }, reply) => {
    reply.header("content-type", JSON_TYPE);
    return database.cell(LIST_TEXT, [params.id]);
  });
  app.patch("/text/orders/:id", { schema: { body: NOTE } }, async ({ params, body }, reply) => {
    reply.header("content-type", JSON_TYPE);
    return database.cell(UPDATE_ORDER_TEXT, [params.id, body.note]);
  });

  app.patch("/rows/users/:id", { schema: { body: CHANGE, response: { 200: USER_SCHEMA } } }, async ({ params, body }) =>
    database.row(UPDATE_ROWS, [params.id, body.full_name, body.country]),
  );
  app.patch("/text/users/:id", { schema: { body: CHANGE } }, async ({ params, body }, reply) => {
    reply.header("content-type", JSON_TYPE);
    return database.cell(UPDATE_TEXT, [params.id, body.full_name, body.country]);
  });

  app.post("/unnest/orders", { schema: { body: { type: "array", items: ORDER } } }, async ({ body }, reply) => {
    const columns = [[], [], [], []];
    for (const { user_id, total, status, note } of body) {
      columns[0].push(user_id);
      columns[1].push(total);
      columns[2].push(status);
      columns[3].push(note);
    }
    await database.run(BULK_UNNEST, columns);
    reply.code(201);
  });
  // Nothing looks at the content but the database.
  await app.register(async (unparsed) => {
    unparsed.addContentTypeParser("application/json", { parseAs: "string" }, (_request, body, done) =>
      done(null, body),
    );
    unparsed.post("/json/orders", async ({ body }, reply) => {
      await database.run(BULK_JSON, [body]);
      reply.code(201);
    });
  });

  const stop = async () => {
    await app.close();
    await database.close();
  };
  process.once("SIGTERM", () => void stop());
  process.once("SIGINT", () => void stop());
  await app.listen({ host: "127.0.0.1", port: Number(process.env.PORT) });
}
