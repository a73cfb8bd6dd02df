// The server that is fuzzed, in a process of its own: told its database and upstream, it says where it listens; asked, how much memory
// it holds after a collection.
import { defineApi, postgres, upstream } from "../../src/index.ts";
import { serveFor } from "../support/server-process.ts";
import { FUZZ_SECRET } from "./world.ts";

const [databaseUrl = "", upstreamUrl = ""] = process.argv.slice(2);
const api = defineApi({
  sources: {
    "/": postgres(databaseUrl, {
      anonRole: decodeURIComponent(new URL(databaseUrl).username),
      maxRows: 100,
      aggregates: true,
      pool: { max: 6, statementTimeout: "5s" },
      idempotency: { enabled: true },
    }),
    "/up": upstream(upstreamUrl, { fields: { parameter: "fields" } }),
  },
  cors: { allowedOrigins: ["https://a.example"] },
  auth: { jwt: { secret: FUZZ_SECRET } },
  cache: { memory: "8MiB", memoBytes: "2MiB" },
  http: { maxBodyBytes: "64KiB" },
});
const server = await api.listen({
  server: { port: 0, shutdownGrace: "1s" },
  admin: { port: 0 },
  log: { level: "error" },
});
serveFor(server);
