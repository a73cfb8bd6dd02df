// Fastify with `pg`: a connection of the pool for each request, and a transaction on it, statement by statement.
import { Pool } from "pg";
import { BECOME, READ, serveAuthorized } from "./serve-authorized.mjs";

const pool = new Pool({
  connectionString: process.env.DATABASE_URL,
  max: Number(process.env.POOL_MAX),
  idleTimeoutMillis: 0,
});

await serveAuthorized({
  async user(claims, id) {
    const client = await pool.connect();
    try {
      await client.query("begin read only");
      await client.query({ name: "become", text: BECOME, values: [claims.role, JSON.stringify(claims)] });
      const { rows } = await client.query({ name: "read", text: READ, values: [id], rowMode: "array" });
      await client.query("commit");
      return rows[0]?.[0];
    } catch (error) {
      await client.query("rollback");
      throw error;
    } finally {
      client.release();
    }
  },
  close: () => pool.end(),
});
