import proxy from "@fastify/http-proxy";
import Fastify from "fastify";

const app = Fastify({ logger: false });
await app.register(proxy, { upstream: process.env.ORIGIN, undici: { connections: 128, pipelining: 1 } });
process.once("SIGTERM", () => void app.close());
process.once("SIGINT", () => void app.close());
await app.listen({ host: "127.0.0.1", port: Number(process.env.PORT) });
