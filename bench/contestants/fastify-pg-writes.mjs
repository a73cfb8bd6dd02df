// Fastify with `pg`: a pool, every statement prepared by name.
import { Pool, types } from "pg";
import { serveWrites } from "./serve-writes.mjs";
import { isoTimestamp } from "./shop.mjs";

types.setTypeParser(types.builtins.NUMERIC, Number);
types.setTypeParser(types.builtins.TIMESTAMPTZ, isoTimestamp);

const pool = new Pool({
  connectionString: process.env.DATABASE_URL,
  max: Number(process.env.POOL_MAX),
  idleTimeoutMillis: 0,
});
const names = new Map();

/** The same name for the same text. */
function nameOf(text) {
  let name = names.get(text);
  if (name === undefined) names.set(text, (name = `s${names.size}`));
  return name;
}

await serveWrites({
  row: async (text, values) => (await pool.query({ name: nameOf(text), text, values })).rows[0],
  cell: async (text, values) => (await pool.query({ name: nameOf(text), text, values, rowMode: "array" })).rows[0][0],
  run: (text, values) => pool.query({ name: nameOf(text), text, values }),
  close: () => pool.end(),
});
