// Fastify with `postgres` (postgres.js): prepared statements and pipelining as it does by default.
import postgres from "postgres";
import { serveWrites } from "./serve-writes.mjs";
import { isoTimestamp } from "./shop.mjs";

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
const templates = new Map();

/** A query whose text is constant in its tagged form, its parameters in the order of their numbers. */
function templateOf(text) {
  let template = templates.get(text);
  if (template !== undefined) return template;
  const parts = text.split(/\$\d/);
  const order = [...text.matchAll(/\$(\d)/g)].map(([, number]) => Number(number) - 1);
  template = { strings: Object.assign(parts, { raw: parts }), order };
  templates.set(text, template);
  return template;
}

function query(text, values) {
  const { strings, order } = templateOf(text);
  return sql(strings, ...order.map((index) => values[index]));
}

await serveWrites({
  row: (text, values) => query(text, values).then(([row]) => row),
  cell: (text, values) =>
    query(text, values)
      .values()
      .then(([[cell]]) => cell),
  run: (text, values) => query(text, values),
  close: () => sql.end({ timeout: 5 }),
});
