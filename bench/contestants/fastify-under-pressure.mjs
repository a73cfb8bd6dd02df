// Fastify with `pg` and `@fastify/under-pressure`, which refuses by the event loop, and by the pool where it is told to look there.
import Fastify from "fastify";
import underPressure from "@fastify/under-pressure";
import { Pool } from "pg";
import { JSON_TYPE } from "./shop.mjs";

const connections = Number(process.env.POOL_MAX);
const pool = new Pool({ connectionString: process.env.DATABASE_URL, max: connections, idleTimeoutMillis: 0 });

const LOOP = {
  maxEventLoopDelay: 100,
  maxEventLoopUtilization: 0.98,
  eventLoopUtilizationMode: "interval",
  retryAfter: 1,
};
// Not busier than a request that waits for each connection; looked at ten times a second.
const POOL = { ...LOOP, healthCheck: async () => pool.waitingCount <= connections, healthCheckInterval: 100 };
const PRESSURE = { none: undefined, loop: LOOP, pool: POOL }[process.env.UNDER_PRESSURE];

const app = Fastify({ logger: false });
if (PRESSURE !== undefined) app.register(underPressure, PRESSURE);
app.get("/report/:id", async (request, reply) => {
  const query = {
    name: "report",
    text: "select bench_report($1)::text",
    values: [request.params.id],
    rowMode: "array",
  };
  const { rows } = await pool.query(query);
  reply.header("content-type", JSON_TYPE);
  return rows[0][0];
});

const stop = async () => {
  await app.close();
  await pool.end();
};
process.once("SIGTERM", () => void stop());
process.once("SIGINT", () => void stop());
await app.listen({ host: "127.0.0.1", port: Number(process.env.PORT) });
