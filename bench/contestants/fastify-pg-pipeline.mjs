// Fastify with `pg` in its pipeline mode: a few connections in turn, many statements under way on each. What `pg` can do
// beyond its pool, at the price of doing without one: no replacement of broken connections, no limit on what waits.
import { Client, types } from "pg";
import { serve } from "./serve.mjs";
import { ALBUM_TEXT, EMBED_TEXT, isoTimestamp, LIST_ROWS, LIST_TEXT, READ_ROWS, READ_TEXT } from "./shop.mjs";

types.setTypeParser(types.builtins.NUMERIC, Number);
types.setTypeParser(types.builtins.TIMESTAMPTZ, isoTimestamp);

const clients = Array.from(
  { length: Number(process.env.POOL_MAX) },
  () => new Client({ connectionString: process.env.DATABASE_URL, pipeline: true }),
);
await Promise.all(clients.map((client) => client.connect()));
let turn = 0;

function nextClient() {
  turn = (turn + 1) % clients.length;
  return clients[turn];
}

const rows = (name, text) => async (id) => (await nextClient().query({ name, text, values: [id] })).rows;
const cell = (name, text) => async (id) =>
  (await nextClient().query({ name, text, values: [id], rowMode: "array" })).rows[0]?.[0];

const readRows = rows("read", READ_ROWS);
await serve({
  user: async (id) => (await readRows(id))[0],
  orders: rows("list", LIST_ROWS),
  userText: cell("read-text", READ_TEXT),
  ordersText: cell("list-text", LIST_TEXT),
  embedText: cell("embed-text", EMBED_TEXT),
  albumText: cell("album-text", ALBUM_TEXT),
  close: () => Promise.all(clients.map((client) => client.end())),
});
