import assert from "node:assert/strict";
import { test } from "node:test";
import { PostgrestClient, PostgrestError } from "@supabase/postgrest-js";
import { createClient, type SupabaseClient } from "@supabase/supabase-js";
import { inSeconds, SECRET, signText } from "../../auth/tokens.ts";
import { defer } from "../../support/defer.ts";
import { runSql, testDatabase } from "../../support/postgres.ts";
import { POSTGREST_LIKE, serve } from "../../support/server.ts";
import { driveCalls } from "./calls.ts";
import { SCHEMA } from "./client.ts";
import { recordMethods } from "./method-record.ts";
import { driveReads } from "./reads.ts";
import { driveWrites } from "./writes.ts";

const OPTIONS = {
  ...POSTGREST_LIKE,
  schemas: ["public", "other"],
  aggregates: true,
  planEnabled: true,
  txEnd: "commit-allow-override",
} as const;

const sample = new PostgrestClient("http://localhost");
const failure = { message: "", details: "", hint: "", code: "" };
const record = recordMethods([sample, sample.from("x"), sample.from("x").select(), new PostgrestError(failure)]);

test("postgrest-js works as with PostgREST, and every method of it is driven", async (t) => {
  const api = await serve(t, await testDatabase(t, { sql: SCHEMA }), { postgres: OPTIONS });
  const client = new PostgrestClient(api.url, { timeout: 60_000 });
  await driveReads(t, client);
  await driveWrites(t, client);
  await driveCalls(t, client);
  assert.deepEqual(record.takeMissing(), []);
});

test("supabase-js works as with Supabase's REST, with keys, tokens and row security", async (t) => {
  const roles = ["anon", "authenticated"].map((name) => `${name}_${process.pid}`);
  const [anon = "", authenticated = ""] = roles;
  const url = await testDatabase(t, { sql: `${SCHEMA} ${grants(roles)} ${OWNED}` });
  defer(t, () => runSql(url, `drop owned by ${roles.join()}; drop role ${roles.join()}`));
  const api = await serve(t, url, {
    base: "/rest/v1",
    postgres: { ...OPTIONS, anonRole: anon },
    server: { auth: { jwt: { secret: SECRET } } },
  });
  const as = (accessToken: string): SupabaseClient =>
    createClient(api.url, tokenOf(anon), { accessToken: () => Promise.resolve(accessToken) });

  const stranger = createClient(api.url, tokenOf(anon), { auth: { persistSession: false, autoRefreshToken: false } });
  const ada = as(tokenOf(authenticated, "ada"));
  record.takeMissing();
  await driveReads(t, stranger);
  await driveWrites(t, ada);
  await driveCalls(t, ada);
  // It hands everything on to a client of postgrest-js.
  assert.deepEqual(record.takeMissing(), []);

  await t.test("each sees its own rows", async () => {
    const bo = as(tokenOf(authenticated, "bo"));
    assert.deepEqual((await ada.rpc("who")).data, { role: authenticated, sub: "ada" });
    assert.deepEqual((await stranger.rpc("who")).data, { role: anon, sub: null });
    await ada.from("secrets").insert({ text: "of Ada" });
    await bo.from("secrets").insert({ text: "of Bo" });
    const seen = await Promise.all([ada, bo, stranger].map((client) => client.from("secrets").select("text")));
    assert.deepEqual(
      seen.map(({ data }) => data),
      [[{ text: "of Ada" }], [{ text: "of Bo" }], []],
    );
    const stolen = await bo.from("secrets").insert({ text: "x", owner: "ada" });
    assert.deepEqual([stolen.status, stolen.error?.code], [403, "42501"]);
    assert.equal((await stranger.from("secrets").insert({ text: "x" })).status, 401);
  });

  await t.test("a token that is not valid gets nothing", async () => {
    const forged = as(signText("another secret of thirty-two characters", JSON.stringify({ role: authenticated })));
    assert.deepEqual((await forged.from("cities").select()).error?.code, "PGRST301");
    const late = as(signText(SECRET, JSON.stringify({ role: authenticated, exp: inSeconds(-600) })));
    const { status, error } = await late.from("cities").select();
    assert.deepEqual([status, error?.code, error?.message], [401, "PGRST303", "JWT expired"]);
  });
});

function tokenOf(role: string, sub?: string): string {
  return signText(SECRET, JSON.stringify({ role, exp: inSeconds(600), ...(sub !== undefined && { sub }) }));
}

function grants(roles: readonly string[]): string {
  const all = roles.join();
  return `${roles.map((role) => `create role ${role};`).join(" ")}
    grant usage on schema public, other to ${all};
    grant all on all tables in schema public to ${all};
    grant select on all tables in schema other to ${all};`;
}

/** Rows that belong to whoever the token names. */
const OWNED = `
  create table secrets (id int generated always as identity primary key, text text,
    owner text not null default coalesce(current_setting('request.jwt.claims', true)::json ->> 'sub', 'nobody'));
  alter table secrets enable row level security;
  create policy own on secrets using (owner = current_setting('request.jwt.claims', true)::json ->> 'sub');
  grant all on secrets to public;`;
