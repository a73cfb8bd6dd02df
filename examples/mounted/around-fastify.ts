import Fastify from "fastify";
import { around } from "hotpath/fastify";

export const app = Fastify();

// For all routes; given the instance of a plugin, for that plugin's.
around(app, { limits: [{ name: "burst", quota: 1000, window: "1m", by: "ip" }] });

let made = 0;
app.get<{ Params: { id: string } }>("/items/:id", async ({ params }, reply) => {
  reply.header("cache-control", "max-age=60");
  return { id: params.id, made: ++made, words: "a rather long text ".repeat(100) };
});
app.post("/items", async ({ body }, reply) => reply.code(201).send(body));
