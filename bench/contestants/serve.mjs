import Fastify from "fastify";
import { JSON_TYPE, ORDERS_SCHEMA, USER_SCHEMA } from "./shop.mjs";

/**
 * The routes every hand-written rival has. `database` answers them: `user`, `orders` as rows; `userText`, `ordersText`,
 * `embedText`, `albumText` as JSON text.
 */
export async function serve(database) {
  const app = Fastify({ logger: false });
  app.get("/rows/users/:id", serialized(USER_SCHEMA), async (request, reply) => {
    const row = await database.user(request.params.id);
    return row ?? notFound(reply);
  });
  app.get("/rows/users/:id/orders", serialized(ORDERS_SCHEMA), (request) => database.orders(request.params.id));

  app.get("/text/users/:id", passThrough(database.userText));
  app.get("/text/users/:id/orders", passThrough(database.ordersText));
  app.get("/text/users/:id/full", passThrough(database.embedText));
  app.get("/text/album/:id", passThrough(database.albumText));

  const stop = async () => {
    await app.close();
    await database.close();
  };
  process.once("SIGTERM", () => void stop());
  process.once("SIGINT", () => void stop());
  await app.listen({ host: "127.0.0.1", port: Number(process.env.PORT) });
}

function serialized(schema) {
  return { schema: { response: { 200: schema } } };
}

function passThrough(read) {
  return async (request, reply) => {
    const body = await read(request.params.id);
    if (body === undefined) return notFound(reply);
    reply.header("content-type", JSON_TYPE);
    return body;
  };
}

function notFound(reply) {
  reply.code(404);
  return { message: "not found" };
}
