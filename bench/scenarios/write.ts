import { fileURLToPath } from "node:url";
import { Client } from "pg";
import { runContest } from "../contest.ts";
import { type Contestant, hotpath, TITLES, type WriteRequest } from "../contestants.ts";
import type { BenchContext, Scenario, ScenarioResult } from "../context.ts";
import { toResult } from "../score-table.ts";
import type { ServerProgram } from "../server-process.ts";

/** Rows of a list that is inserted. */
const LIST = 1000;

/** One order, and the row that came of it. */
export const writeInsert: Scenario = {
  name: "write-insert",
  summary: "One row inserted and answered, seven columns.",
  run: async (context) =>
    contest(context, { method: "POST", content: (id) => JSON.stringify(order(id)), variety: 10_000 }, [
      { name: "hotpath, /orders", path: () => "/bench_orders", prefer: "return=representation" },
      { name: "rows", path: () => "/rows/orders" },
      { name: "JSON text", path: () => "/text/orders" },
    ]),
};

/** A thousand orders at once. */
export const writeBulk: Scenario = {
  name: "write-bulk",
  summary: `${LIST} rows inserted at once, nothing answered.`,
  run: async (context) =>
    contest(context, { method: "POST", content: orders, variety: 50 }, [
      { name: "hotpath, /orders", path: () => "/bench_orders", prefer: "return=minimal" },
      { name: "unnest", path: () => "/unnest/orders" },
      { name: "json_to_recordset", path: () => "/json/orders" },
    ]),
};

/** A user by id, two columns changed, and the row that came of it. */
export const writeUpdate: Scenario = {
  name: "write-update",
  summary: "One row changed by its key and answered, eight columns.",
  run: async (context) =>
    contest(context, { method: "PATCH", content: change, variety: 10_000 }, [
      { name: "hotpath, /users/ID", path: (id) => `/bench_users/${id}`, prefer: "return=representation" },
      { name: "hotpath, /users?id=eq.ID", path: (id) => `/bench_users?id=eq.${id}`, prefer: "return=representation" },
      { name: "rows", path: (id) => `/rows/users/${id}` },
      { name: "JSON text", path: (id) => `/text/users/${id}` },
    ]),
};

/** How somebody is asked; `prefer` is hotpath's. */
interface Route {
  readonly name: string;
  readonly path: (id: number) => string;
  readonly prefer?: string;
}

export const JSON_CONTENT = { "content-type": "application/json" };

async function contest(
  context: BenchContext,
  write: Omit<WriteRequest, "ready">,
  routes: readonly Route[],
): Promise<ScenarioResult> {
  const { shopUrl } = context.database;
  const own = routes
    .filter(({ prefer }) => prefer !== undefined)
    .map(({ name, path, prefer = "" }): Contestant => ({
      name,
      role: "hotpath",
      program: hotpath(shopUrl),
      path,
      headers: () => ({ ...JSON_CONTENT, prefer }),
      write: { ...write, ready: "/bench_users?limit=1" },
      unwrap,
    }));
  const rivals = LINE_UP.flatMap(([driver, connections]) =>
    routes
      .filter(({ prefer }) => prefer === undefined)
      .map(({ name, path }): Contestant => ({
        name: `${TITLES[driver]} (${connections}), ${name}`,
        role: "rival",
        program: writingRival(driver, shopUrl, connections),
        path,
        headers: () => JSON_CONTENT,
        write: { ...write, ready: "/ready" },
        unwrap,
      })),
  );
  await inDatabase(shopUrl, SET_UP);
  try {
    // Every turn begins with an empty table.
    const before = async (): Promise<void> => inDatabase(shopUrl, "truncate bench_orders restart identity");
    return toResult(await runContest([...own, ...rivals], context, undefined, before));
  } finally {
    await inDatabase(shopUrl, TEAR_DOWN);
  }
}

/** With as many connections as suit each best when reading. */
export const LINE_UP = [
  ["fastify-pg", 32],
  ["fastify-postgres", 10],
  ["fastify-postgres", 1],
  ["fastify-pg-pipeline", 2],
] as const;

export function writingRival(
  driver: (typeof LINE_UP)[number][0],
  databaseUrl: string,
  connections: number,
): ServerProgram {
  return {
    key: `${driver} over ${connections}, writing`,
    words: () => [fileURLToPath(new URL(`../contestants/${driver}-writes.mjs`, import.meta.url))],
    environment: { DATABASE_URL: databaseUrl, POOL_MAX: String(connections) },
  };
}

function order(id: number): object {
  return { user_id: id, total: 12.5 + (id % 100), status: "paid", note: `Please ring at number ${id}` };
}

function orders(id: number): string {
  return JSON.stringify(Array.from({ length: LIST }, (_, index) => order(id + index)));
}

export function change(id: number): string {
  return JSON.stringify({ full_name: `User ${id} of the bench`, country: id % 2 === 0 ? "NL" : "BE" });
}

/** What all must agree on: not the numbers and times that the database gives. */
function unwrap(json: unknown): unknown {
  const row: unknown = Array.isArray(json) ? json[0] : json;
  if (typeof row !== "object" || row === null) return row;
  return Object.fromEntries(Object.entries(row).filter(([name]) => !/^(?:id|created_at|updated_at)$/.test(name)));
}

export const TEAR_DOWN = "drop table if exists bench_orders, bench_users;";

/** Tables of their own, like those of the shop. */
export const SET_UP = `
  ${TEAR_DOWN}
  create table bench_orders (
    id integer generated by default as identity primary key, user_id integer not null, total numeric(12, 2) not null, status text not null,
    note text, created_at timestamptz not null default now(), updated_at timestamptz not null default now()
  );
  create index on bench_orders (user_id);
  create table bench_users (like users including all);
  insert into bench_users select * from users;`;

export async function inDatabase(url: string, sql: string): Promise<void> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 20_000 });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
