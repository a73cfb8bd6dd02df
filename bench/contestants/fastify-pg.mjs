// Fastify with `pg`: a pool, every statement prepared by name.
import { Pool, types } from "pg";
import { serve } from "./serve.mjs";
import { ALBUM_TEXT, EMBED_TEXT, isoTimestamp, LIST_ROWS, LIST_TEXT, READ_ROWS, READ_TEXT } from "./shop.mjs";

types.setTypeParser(types.builtins.NUMERIC, Number);
types.setTypeParser(types.builtins.TIMESTAMPTZ, isoTimestamp);

const pool = new Pool({
  connectionString: process.env.DATABASE_URL,
  max: Number(process.env.POOL_MAX),
  // Kept open: a rival should not pay for reconnecting.
  idleTimeoutMillis: 0,
});

const rows = (name, text) => async (id) => (await pool.query({ name, text, values: [id] })).rows;
const cell = (name, text) => async (id) =>
  (await pool.query({ name, text, values: [id], rowMode: "array" })).rows[0]?.[0];

const readRows = rows("read", READ_ROWS);
await serve({
  user: async (id) => (await readRows(id))[0],
  orders: rows("list", LIST_ROWS),
  userText: cell("read-text", READ_TEXT),
  ordersText: cell("list-text", LIST_TEXT),
  embedText: cell("embed-text", EMBED_TEXT),
  albumText: cell("album-text", ALBUM_TEXT),
  close: () => pool.end(),
});
