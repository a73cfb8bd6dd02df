// Fastify with `postgres` (postgres.js): prepared statements and pipelining as it does by default.
import postgres from "postgres";
import { serve } from "./serve.mjs";
import { ALBUM_TEXT, EMBED_TEXT, isoTimestamp, LIST_ROWS, LIST_TEXT, READ_ROWS, READ_TEXT } from "./shop.mjs";

/** Type numbers of PostgreSQL. */
const TIMESTAMPTZ = 1184;
const NUMERIC = 1700;

const sql = postgres(process.env.DATABASE_URL, {
  max: Number(process.env.POOL_MAX),
  types: {
    numeric: { to: NUMERIC, from: [NUMERIC], serialize: String, parse: Number },
    date: { to: TIMESTAMPTZ, from: [TIMESTAMPTZ], serialize: String, parse: isoTimestamp },
  },
});

/**
 * A query whose text is constant, in its tagged form: what an application's templates are at run time. Built by hand, as
 * the texts are shared with the other rivals.
 */
function asTemplate(text) {
  const parts = text.split("$1");
  return Object.assign(parts, { raw: parts });
}

const rows = (text) => {
  const template = asTemplate(text);
  return async (id) => sql(template, id);
};
const cell = (text) => {
  const template = asTemplate(text);
  return async (id) => (await sql(template, id).values())[0]?.[0];
};

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
