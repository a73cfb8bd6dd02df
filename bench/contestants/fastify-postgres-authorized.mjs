// Fastify with `postgres` (postgres.js): a transaction whose statements are pipelined, as `sql.begin` does with a list.
import postgres from "postgres";
import { serveAuthorized } from "./serve-authorized.mjs";

const sql = postgres(process.env.DATABASE_URL, { max: Number(process.env.POOL_MAX) });

await serveAuthorized({
  async user(claims, id) {
    const [, rows] = await sql.begin("read only", (own) => [
      own`select set_config('role', ${claims.role}, true), set_config('request.jwt.claims', ${JSON.stringify(claims)}, true)`,
      own`select row_to_json(u)::text from users u where id = ${id}`.values(),
    ]);
    return rows[0]?.[0];
  },
  close: () => sql.end({ timeout: 5 }),
});
