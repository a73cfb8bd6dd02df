// Fastify with `postgres` (postgres.js): prepared statements and pipelining as it does by default.
import postgres from "postgres";
import { serve } from "./serve.mjs";
import { ALBUM_TEXT, EMBED_TEXT, isoTimestamp, LIST_ROWS, LIST_TEXT, READ_ROWS, READ_TEXT } from "./shop.mjs";

/** Type numbers of PostgreSQL. */
const TIMESTAMPTZ = 1184;
const NUMERIC = 1700;

const sql = postgres(process.env.DATABASE_URL, {
  max: Number(process.env.POOL_MAX ?? 10),
  types: {
    numeric: { to: NUMERIC, from: [NUMERIC], serialize: String, parse: Number },
    date: { to: TIMESTAMPTZ, from: [TIMESTAMPTZ], serialize: String, parse: isoTimestamp },
  },
});

// `unsafe` with a constant text and values apart is what its template strings become; prepared like those.
const rows = (text) => (id) => sql.unsafe(text, [id], { prepare: true });
const cell = (text) => async (id) => (await sql.unsafe(text, [id], { prepare: true }).values())[0]?.[0];

const readRows = rows(READ_ROWS);
await serve({
  user: async (id) => (await readRows(id))[0],
  orders: rows(LIST_ROWS),
  userText: cell(READ_TEXT),
  ordersText: cell(LIST_TEXT),
  embedText: cell(EMBED_TEXT),
  albumText: cell(ALBUM_TEXT),
  close: () => sql.end({ timeout: 5 }),
});
