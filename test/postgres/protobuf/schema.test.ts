import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { requireCommand } from "../../support/commands.ts";
import { defer } from "../../support/defer.ts";
import { failureOf, grpcClient } from "../../support/grpc.ts";
import { runSql, testDatabase } from "../../support/postgres.ts";
import { decode, loadProto, parseProto } from "../../support/proto.ts";
import { serve } from "../../support/server.ts";

/** Names that are no identifiers, keywords, or the same once they are. */
const STRANGE = `
  create schema other;
  create table "order-items" (id int primary key, "order" text, "first name" text, "first_name" text, "firstName" text, "1st" int, "ü" int, "" int);
  create table order_items (id int primary key, message text, "List" int[], list_json text, "say ""hi""" text);
  create table "OrderItems" (id int primary key references order_items, again int references "order-items");
  create table tree (id int primary key, parent int references tree);
  create type "some mood" as enum ('', 'a b', 'A_B', 'ä', '"');
  create type pair as (a int, b "some mood");
  create table t (id int primary key, e "some mood", p pair, ps pair[]);
  comment on table t is E'Two\\nlines */ "quoted"';
  comment on column t.e is E'x\\u2028y\\tz';
  create function f(a int, b pair default null) returns setof t language sql stable as 'select * from t';
  create function f(a text) returns int language sql stable as 'select 1';
  create function nothing() returns void language sql as '';
  create function many(out x int, out "y z" text) returns setof record language sql stable as 'select 1, ''''';
  create function computed(t) returns text language sql stable as 'select ''c''';
  create table other.things (id int primary key, p public.pair);`.replace('"" int', '"_" int');

test("protoc takes /schema.proto whatever tables and columns are called", async (t) => {
  const protoc = requireCommand(t, "protoc");
  if (protoc === undefined) return;
  const url = await testDatabase(t, { sql: STRANGE });
  const api = await serve(t, url, { postgres: { schemas: ["public", "other"] } });
  const directory = await mkdtemp(join(tmpdir(), "proto-"));
  defer(t, () => rm(directory, { recursive: true }));
  for (const schema of ["public", "other"]) {
    const { status, text } = await api.get("/schema.proto", { "accept-profile": schema });
    assert.equal(status, 200, text);
    const file = join(directory, `${schema}.proto`);
    await writeFile(file, text);
    const options = ["-I", directory, `--descriptor_set_out=${file}.bin`, "--include_imports"];
    const ran: { stderr: string } = await promisify(execFile)(protoc, [...options, file]);
    assert.equal(ran.stderr, "");
    assert.ok((await readFile(`${file}.bin`)).length > 100);
    parseProto(text);
  }
});

test("a client of an older schema goes on reading", async (t) => {
  const url = await testDatabase(t, {
    sql: `create table users (id int primary key, name text, age int, town text);
      insert into users values (1, 'Ann', 40, 'Bern');`,
  });
  const before = await serve(t, url);
  const old = await loadProto(before);
  await runSql(
    url,
    `alter table users drop column age; alter table users rename column name to full_name;
     alter table users add column email text default 'a@example.com'; alter table users add column mood int default 3;`,
  );
  await before.server.reload();
  const { status, bytes } = await before.get("/users", { accept: "application/x-protobuf" });
  assert.equal(status, 200);
  assert.deepEqual(decode(old, "hotpath.api.Users.List", bytes), { rows: [{ id: 1, name: "Ann", town: "Bern" }] });
  const { text } = await before.get("/schema.proto");
  assert.match(text, /reserved 3;/);
  assert.deepEqual(decode(parseProto(text), "hotpath.api.Users.List", bytes), {
    rows: [{ id: 1, full_name: "Ann", town: "Bern", email: "a@example.com", mood: 3 }],
  });

  // By gRPC, too, and what an old client writes to what is gone is not lost silently.
  const client = grpcClient(t, before.url, old);
  const ann = { id: 1, name: "Ann", town: "Bern" };
  const users = "hotpath.api.UsersService";
  assert.deepEqual(await client.unary(`${users}/Get`, { id: 1 }), ann);
  assert.deepEqual((await client.unary(`${users}/List`, {}))["rows"], [ann]);
  const changed = await client.unary(`${users}/Update`, { key: { id: 1 }, row: { name: "Anna" } });
  assert.deepEqual(changed, { ...ann, name: "Anna" });
  const gone = await failureOf(client.unary(`${users}/Update`, { key: { id: 1 }, row: { age: 41 } }));
  assert.match(gone.details, /no field 3 that can be written/);
  // Fields of a mask go by their names of today.
  const masked = await failureOf(client.unary(`${users}/List`, { fields: { paths: ["name"] } }));
  assert.match(masked.details, /no field name/);
  assert.deepEqual((await client.unary(`${users}/List`, { fields: { paths: ["full_name"] } }))["rows"], [
    { name: "Anna" },
  ]);
});
