import { createHmac } from "node:crypto";
import { fileURLToPath } from "node:url";
import { Client } from "pg";
import { runContest } from "../contest.ts";
import type { Contestant } from "../contestants.ts";
import type { Scenario } from "../context.ts";
import { toResult } from "../score-table.ts";
import type { ServerProgram } from "../server-process.ts";
import { HOTPATH } from "../setup.ts";

const SECRET = "the secret of a benchmark, no secret at all";
const ROLE = "bench_member";
/** Those who ask, each with a token of their own: about as many as ask within a minute. */
const ASKING = 1000;

/** A user's own row, under row security: the token is verified, role and claims are those of the transaction. */
export const authorizedRead: Scenario = {
  name: "authorized-read",
  summary: "A user's own row under row security: token, role, claims.",
  async run(context) {
    const { shopUrl } = context.database;
    const common = { headers: bearer, path: (id: number) => `/users/${asker(id)}` };
    const rivals = RIVALS.map(([title, file, connections]): Contestant => {
      const program = rival(file, shopUrl, connections);
      return { ...common, name: `${title} (${connections})`, role: "rival", program };
    });
    await inDatabase(shopUrl, SET_UP);
    try {
      const own: Contestant = { ...common, name: "hotpath, /users/ID", role: "hotpath", program: hotpath(shopUrl) };
      return toResult(await runContest([own, ...rivals], context));
    } finally {
      await inDatabase(shopUrl, TEAR_DOWN);
    }
  },
};

function asker(id: number): number {
  return 1 + (id % ASKING);
}

/** With as many connections as suit each best. */
const RIVALS = [
  ["Fastify + pg, statement by statement", "fastify-pg-authorized", 32],
  ["Fastify + postgres, sql.begin", "fastify-postgres-authorized", 10],
  ["Fastify + pg pipelined", "fastify-pg-pipeline-authorized", 2],
] as const;

const TEAR_DOWN = `
  do $$ begin
    if exists (select from pg_roles where rolname = '${ROLE}') then drop owned by ${ROLE}; end if;
  end $$;
  drop role if exists ${ROLE};
  alter table users disable row level security;`;

/** Superusers, as whom the other scenarios read, see every row all the same. */
const SET_UP = `
  ${TEAR_DOWN}
  create role ${ROLE};
  grant select on users to ${ROLE};
  create policy own on users to ${ROLE}
    using (id = (current_setting('request.jwt.claims', true)::json ->> 'sub')::int);
  alter table users enable row level security;`;

async function inDatabase(url: string, sql: string): Promise<void> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 20_000 });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

function bearer(id: number): { authorization: string } {
  return { authorization: `Bearer ${tokenOf(asker(id))}` };
}

/** As an identity provider writes them: with what an application knows its users by. */
function tokenOf(id: number): string {
  const claims = {
    iss: "https://id.example",
    aud: "shop",
    iat: 1_700_000_000,
    exp: 4_102_444_800,
    sub: String(id),
    role: ROLE,
    email: `user${id}@example.com`,
  };
  const signed = `${encode({ alg: "HS256", typ: "JWT" })}.${encode(claims)}`;
  return `${signed}.${createHmac("sha256", SECRET).update(signed).digest("base64url")}`;
}

function encode(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString("base64url");
}

function hotpath(databaseUrl: string): ServerProgram {
  return {
    key: "hotpath authorized",
    words: (port) => [HOTPATH, "serve", "--port", String(port), "--admin-port", "0", "--no-query-cache"],
    environment: { HOTPATH_DATABASE_URL: databaseUrl, HOTPATH_JWT_SECRET: SECRET },
  };
}

function rival(file: string, databaseUrl: string, connections: number): ServerProgram {
  const path = fileURLToPath(new URL(`../contestants/${file}.mjs`, import.meta.url));
  return {
    key: `${file} over ${connections}`,
    words: () => [path],
    environment: { DATABASE_URL: databaseUrl, POOL_MAX: String(connections), JWT_SECRET: SECRET },
  };
}
