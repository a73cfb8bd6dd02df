// A route that reads its input, and checks its reply, with zod.
import { serve } from "@hono/node-server";
import { Hono } from "hono";
import { toUser } from "./route-reply.mjs";
import { params, query, reply } from "./route-schemas.mjs";

const app = new Hono();
app.get("/users/:id", (context) => {
  const { id } = params.parse(context.req.param());
  const { verbose } = query.parse(context.req.query());
  return context.json(reply.parse(toUser(id, verbose)));
});
const server = serve({ fetch: app.fetch, hostname: "127.0.0.1", port: Number(process.env.PORT) });
process.once("SIGTERM", () => server.close());
process.once("SIGINT", () => server.close());
