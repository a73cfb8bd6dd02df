// A route with schemas, as Fastify's documentation writes one.
import Fastify from "fastify";
import { PARAMS_SCHEMA, QUERY_SCHEMA, REPLY_SCHEMA, toUser } from "./route-reply.mjs";

const app = Fastify({ logger: false });
const schema = { params: PARAMS_SCHEMA, querystring: QUERY_SCHEMA, response: { 200: REPLY_SCHEMA } };
app.get("/users/:id", { schema }, async (request) => toUser(request.params.id, request.query.verbose));
process.once("SIGTERM", () => void app.close());
process.once("SIGINT", () => void app.close());
await app.listen({ host: "127.0.0.1", port: Number(process.env.PORT) });
