// Fastify with `pg` in its pipeline mode: the four statements of a transaction go out without waiting for each other, and
// transactions follow each other on a few connections.
import { Client } from "pg";
import { BECOME, READ, serveAuthorized } from "./serve-authorized.mjs";

const clients = Array.from(
  { length: Number(process.env.POOL_MAX) },
  () => new Client({ connectionString: process.env.DATABASE_URL, pipeline: true }),
);
await Promise.all(clients.map((client) => client.connect()));
let turn = 0;

await serveAuthorized({
  async user(claims, id) {
    turn = (turn + 1) % clients.length;
    const client = clients[turn];
    const sent = [
      client.query({ name: "begin", text: "begin read only" }),
      client.query({ name: "become", text: BECOME, values: [claims.role, JSON.stringify(claims)] }),
      client.query({ name: "read", text: READ, values: [id], rowMode: "array" }),
      client.query({ name: "commit", text: "commit" }),
    ];
    const [, , { rows }] = await Promise.all(sent);
    return rows[0]?.[0];
  },
  close: () => Promise.all(clients.map((client) => client.end())),
});
