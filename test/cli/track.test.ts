import assert from "node:assert/strict";
import { test } from "node:test";
import { queryRows, testDatabase } from "../support/postgres.ts";
import { type Outcome, runHotpath } from "./run-hotpath.ts";

test("hotpath track installs, lists and removes triggers, and says what it needs", async (t) => {
  const url = await testDatabase(t, {
    sql: "create table users (id int primary key); create schema api; create table api.orders (id int primary key)",
  });
  assert.equal((await track("status", url)).out, "none     public.users\n");
  assert.match((await track("install", url)).out, /^1 table tracked by triggers, 1 of them changed/);
  const both = await track("install", url, "--schemas", "public,api");
  assert.match(both.out, /^2 tables tracked by triggers, 1 of them changed/);
  assert.equal(
    (await track("status", url, "--schemas", "public,api")).out,
    "tracked  api.orders\ntracked  public.users\n",
  );
  assert.match((await track("remove", url)).out, /^triggers of 2 tables removed/);
  assert.deepEqual(await queryRows(url, "select tgname from pg_trigger where tgname like 'hotpath%'"), []);
  const wrong = await track("uninstall", url);
  assert.equal(wrong.status, 2);
  assert.match(wrong.err, /install, remove, status/);
  assert.match((await track("status")).err, /No database was named/);
});

async function track(...words: readonly string[]): Promise<Outcome> {
  return runHotpath(["track", ...words]);
}
