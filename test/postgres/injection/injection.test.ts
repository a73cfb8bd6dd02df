import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { typesCommand } from "../../../src/postgres/batch/template.ts";
import { PLANNING } from "../../../src/postgres/explain.ts";
import { privateCluster, queryRows, runSql } from "../../support/postgres.ts";
import { type Answer, serve, type ServedApi } from "../../support/server.ts";
import { type HostileRequest, hostileRequest } from "./hostile.ts";
import { type OwnNames, strangerIn } from "./own-names.ts";
import { startRecorder } from "./recorder.ts";
import { sqlTokens } from "./sql-tokens.ts";

const REQUESTS = 10_000;
const AT_ONCE = 48;

const SCHEMA = `
  create role app login password 'app';
  create schema vault;
  create table vault.canary (secret text);
  insert into vault.canary values ('tweet');
  create type mood as enum ('happy', 'sad');
  create table owner (id int primary key, name text, data jsonb, tags text[], span int4range, mood mood, updated_at timestamptz default now());
  create table pet (id int primary key, owner_id int references owner, name text);
  create view named as select id, name, data, tags from owner;
  insert into owner select n, 'owner ' || n, jsonb_build_object('a', n), array['x', 'y'], int4range(n, n + 5), 'happy' from generate_series(1, 9) n;
  insert into pet select n, n % 9 + 1, 'pet ' || n from generate_series(1, 20) n;
  create function loud(owner) returns text language sql stable as 'select upper($1.name)';
  create function echo(a text, b text default 'none') returns json language sql stable as 'select json_build_array(a, b)';
  create function many(variadic v text[]) returns text[] language sql immutable as 'select v';
  create function owners(id int default 3) returns setof owner language sql stable as 'select * from owner where owner.id <= owners.id';
  create function raw(text) returns text language sql immutable as 'select $1';
  create function raw(json) returns json language sql immutable as 'select $1';
  create function adopt(a text, b json default '{}') returns int language sql volatile as 'update pet set name = a where id = 1 returning 1';
  -- Nothing but the API keeps its user from the canary.
  grant all on schema public, vault to app;
  grant all on all tables in schema public, vault to app;
  create extension pg_stat_statements;`;

test("nothing that 10,000 hostile requests say becomes SQL", { timeout: 300_000 }, async (t) => {
  const cluster = await privateCluster(t, {
    shared_preload_libraries: "pg_stat_statements",
    "pg_stat_statements.max": 20_000,
  });
  await runSql(cluster.url, SCHEMA);
  const recorder = await startRecorder(t, cluster.port);
  const url = new URL(cluster.url);
  Object.assign(url, { username: "app", password: "app", port: String(recorder.port) });
  const api = await serve(t, url.href, {
    postgres: {
      aggregates: true,
      planEnabled: true,
      txEnd: "rollback-allow-override",
      pool: { max: 8, statementTimeout: "20s" },
      // What follows changes sends statements of its own, always the same, but at its own time.
      queryCache: { enabled: false },
    },
  });
  // What reads the catalog is always the same.
  await api.json("/owner?limit=1");
  const fixed = [
    ...recorder.statements,
    typesCommand("").statement.text,
    ...PLANNING,
    "BEGIN READ ONLY",
    "DEALLOCATE $1",
  ];
  const atStart = new Set(fixed.map(withoutConstants));
  await queryRows(cluster.url, "select pg_stat_statements_reset()");

  const answered = await sendAll(fc.sample(hostileRequest, { numRuns: REQUESTS, seed: 4 }), api);
  await api.server.close();

  const own = await ownNames(cluster.url);
  const isOfRequest = (statement: string): boolean => !atStart.has(withoutConstants(statement));
  const ofRequests = (statements: Iterable<string>): string[] =>
    [...statements].map(withoutPlanning).filter(isOfRequest);
  const sent = ofRequests(recorder.statements);
  const executed = ofRequests((await queryRows(cluster.url, EXECUTED)).map(({ query }) => String(query)));
  t.diagnostic(`${answered}; ${sent.length} statements sent, ${executed.length} executed`);
  assert.ok(sent.length > 1500 && executed.length > 700, "most requests are refused before they are SQL");
  for (const statement of [...sent, ...executed]) {
    assert.equal(strangerIn(sqlTokens(statement), own), undefined, statement);
  }

  const [touched] = await queryRows(
    cluster.url,
    "select seq_scan::int as scans, n_tup_ins::int as inserts, (n_tup_upd + n_tup_del)::int as changes from pg_stat_user_tables where relname = 'canary'",
  );
  assert.deepEqual(touched, { scans: 0, inserts: 1, changes: 0 });
  assert.deepEqual(await queryRows(cluster.url, "select secret from vault.canary"), [{ secret: "tweet" }]);
});

test("what the test looks for would be found", () => {
  const own = {
    schemas: new Set(["public", "vault"]),
    qualified: new Set(["public.owner"]),
    bare: new Set(["owner", "id"]),
  };
  const stranger = (sql: string): string | undefined => strangerIn(sqlTokens(sql), own);
  assert.equal(
    stranger('SELECT "owner"."id" AS "x;--", "public"."owner".* FROM "public"."owner" WHERE "id" = $1'),
    undefined,
  );
  assert.equal(stranger('SELECT * FROM "vault"."canary"'), "vault.canary");
  assert.equal(stranger('SELECT "x" AS "vault", "vault"."canary" FROM "public"."owner"'), "x");
  assert.equal(stranger('SELECT 1 AS "vault", "vault"."canary"'), "vault.canary");
  assert.equal(stranger("SELECT count(*) FROM vault.canary"), "vault");
  assert.equal(stranger("SELECT pg_sleep($1)"), "pg_sleep");
  assert.equal(stranger("SELECT 'x'"), "'x'");
  assert.equal(stranger('SELECT "owner"."name" FROM "public"."owner"'), "name");
  assert.equal(stranger('DELETE FROM "public"."owner"; SELECT 1'), ";");
  for (const sql of ["SELECT 1 -- x", "SELECT /* x */ 1", "SELECT $$x$$"]) assert.throws(() => sqlTokens(sql));
});

const EXECUTED = "select query from pg_stat_statements s join pg_roles r on r.oid = s.userid where r.rolname = 'app'";

/** The statement whose plan is asked for now and then; what asks is always the same, but for the number of parameters. */
function withoutPlanning(statement: string): string {
  const asking =
    /^EXPLAIN (?:\(FORMAT JSON, VERBOSE\) )?EXECUTE hotpath_plan(?:\((?:NULL|\$\d+)(?:, (?:NULL|\$\d+))*\))?$/;
  return asking.test(statement) ? "BEGIN READ ONLY" : statement.replace(/^PREPARE hotpath_plan AS /, "");
}

/** `pg_stat_statements` shows parameters in the place of constants, and no white space around a statement. */
function withoutConstants(statement: string): string {
  return statement.trim().replaceAll(/'(?:[^']|'')*'|\$?\b\d+\b/g, "?");
}

/** Sends them all, some at a time; answers how many got which status. */
async function sendAll(requests: readonly HostileRequest[], api: ServedApi): Promise<string> {
  const statuses: Record<number, number> = {};
  const waiting = requests.values();
  const work = async (): Promise<void> => {
    for (const request of waiting) {
      const answer = await api.send(request.method, request.path, request.headers, request.body);
      statuses[answer.status] = (statuses[answer.status] ?? 0) + 1;
      assertHarmless(answer, request);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return JSON.stringify(statuses);
}

/** "ON CONFLICT DO UPDATE command cannot affect row a second time": the dialect answers 500. */
const TWICE = "21000";

function assertHarmless({ status, text }: Answer, request: HostileRequest): void {
  const what = `${JSON.stringify(request)} answered ${status}: ${text.slice(0, 500)}`;
  assert.doesNotMatch(text, /tweet/, what);
  if (status < 400 || text === "") return;
  const { code } = JSON.parse(text) as { code?: unknown };
  assert.equal(typeof code, "string", what);
  assert.ok(status < 500 || code === TWICE, what);
}

/** All that the exposed schema has, asked of the database itself. */
async function ownNames(url: string): Promise<OwnNames> {
  const list = async (sql: string): Promise<ReadonlySet<string>> =>
    new Set((await queryRows(url, sql)).map(({ name }) => String(name)));
  const relation = "from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'v')";
  const routine = "from pg_proc p where p.pronamespace = 'public'::regnamespace";
  return {
    schemas: await list("select nspname as name from pg_namespace"),
    qualified: await list(
      `select 'public.' || c.relname as name ${relation} union select 'public.' || p.proname ${routine} union select 'public.mood'
       -- Lists of values that share a statement are given their type.
       union select 'pg_catalog.' || t.typname from pg_type t where t.typnamespace = 'pg_catalog'::regnamespace and t.typrelid = 0`,
    ),
    bare: await list(
      `select c.relname as name ${relation}
       union select a.attname from pg_attribute a where a.attrelid in (select c.oid ${relation})
       union select unnest(p.proargnames) ${routine} union select p.proname ${routine} 
       -- What counts rows where it is no column, and what a function's value is called.
       union select unnest(array['count', 'pgrst_scalar'])
       -- How embedded relations are called at each depth.
       union select c.relname || '_' || depth from generate_series(1, 9) depth, lateral (select c.relname ${relation}) c`,
    ),
  };
}
