// Fastify with `pg` in its pipeline mode: a few connections in turn, many statements under way on each, without what a pool does.
import { Client, types } from "pg";
import { serveWrites } from "./serve-writes.mjs";
import { isoTimestamp } from "./shop.mjs";

types.setTypeParser(types.builtins.NUMERIC, Number);
types.setTypeParser(types.builtins.TIMESTAMPTZ, isoTimestamp);

const clients = Array.from(
  { length: Number(process.env.POOL_MAX) },
  () => new Client({ connectionString: process.env.DATABASE_URL, pipeline: true }),
);
await Promise.all(clients.map((client) => client.connect()));
let turn = 0;
const names = new Map();

function nameOf(text) {
  let name = names.get(text);
  if (name === undefined) names.set(text, (name = `s${names.size}`));
  return name;
}

function query(text, values, rest) {
  turn = (turn + 1) % clients.length;
  return clients[turn].query({ name: nameOf(text), text, values, ...rest });
}

await serveWrites({
  row: async (text, values) => (await query(text, values)).rows[0],
  cell: async (text, values) => (await query(text, values, { rowMode: "array" })).rows[0][0],
  run: (text, values) => query(text, values),
  close: () => Promise.all(clients.map((client) => client.end())),
});
