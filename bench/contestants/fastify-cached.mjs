// The reply in memory: what a hand-written handler does when it caches for itself.
import { readFileSync } from "node:fs";
import Fastify from "fastify";

const { ORIGIN, TLS_KEY, TLS_CERT } = process.env;
const secure =
  TLS_KEY === undefined
    ? {}
    : { http2: true, https: { key: readFileSync(TLS_KEY), cert: readFileSync(TLS_CERT), allowHTTP1: true } };
const app = Fastify({ logger: false, ...secure });
const replies = new Map();
app.get("/*", async (request, reply) => {
  let body = replies.get(request.url);
  if (body === undefined) {
    body = Buffer.from(await (await fetch(ORIGIN + request.url)).arrayBuffer());
    replies.set(request.url, body);
  }
  reply.header("content-type", "application/json").header("cache-control", "max-age=3600");
  return reply.send(body);
});
process.once("SIGTERM", () => void app.close());
process.once("SIGINT", () => void app.close());
await app.listen({ host: "127.0.0.1", port: Number(process.env.PORT) });
