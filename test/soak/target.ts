// The server that is soaked, in a process of its own: a database, an upstream and Redis, each behind a proxy that disturbs.
import { defineApi, postgres, upstream } from "../../src/index.ts";
import { serveFor } from "../support/server-process.ts";

const [databaseUrl = "", upstreamUrl = "", redisUrl = ""] = process.argv.slice(2);
const api = defineApi({
  sources: {
    "/": postgres(databaseUrl, {
      pool: { max: 6, minIdle: 1, statementTimeout: "2s", connectTimeout: "1s" },
      // What is cached while changes cannot be followed may be old; the soak asks for right replies, not for new ones.
      changes: { maxStaleness: "1s" },
    }),
    "/up": upstream(upstreamUrl, {
      timeout: { connect: "500ms", head: "1500ms", idle: "1500ms", total: "3s", wait: "1s" },
    }),
  },
  limits: [{ name: "plenty", quota: 1_000_000_000, window: "1h", by: "ip" }],
  cache: { memory: "4MiB", memoBytes: "1MiB", ...(redisUrl === "" ? {} : { redis: redisUrl }) },
  http: { deadline: "3s" },
});
serveFor(await api.listen({ server: { port: 0, shutdownGrace: "1s" }, admin: { port: 0 }, log: { level: "error" } }));
