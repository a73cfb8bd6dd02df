import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { Client } from "pg";
import { runSql, testDatabase } from "../../support/postgres.ts";
import { POSTGREST_LIKE, serve } from "../../support/server.ts";
import { NASTY_TEXTS } from "../query/random-reads.ts";

/** A value as text, in which form URLs carry it, and as JSON. */
interface Value {
  readonly text: string;
  readonly json: unknown;
}

interface Parameter {
  readonly name: string;
  readonly type: string;
  readonly value: fc.Arbitrary<Value>;
  readonly hasDefault: boolean;
}

const quoted = (text: string): string => `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
const named = (name: string): string => `"${name.replaceAll('"', '""')}"`;
const fixed = (...texts: readonly string[]): fc.Arbitrary<Value> =>
  fc.constantFrom(...texts).map((text) => ({ text, json: text }));

const text = fc.constantFrom(...NASTY_TEXTS, "is.null", "fts.x", "not.x", "in.x", "x".repeat(3000));
const integer = fc.integer({ min: -2_147_483_648, max: 2_147_483_647 });

const TYPES: Readonly<Record<string, fc.Arbitrary<Value>>> = {
  integer: integer.map((n) => ({ text: String(n), json: n })),
  "double precision": fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => ({ text: String(n), json: n })),
  numeric: fixed("0", "-1.50", "123456789012345678901234567890.12345", "NaN"),
  boolean: fc.boolean().map((is) => ({ text: String(is), json: is })),
  text: text.map((value) => ({ text: value, json: value })),
  character: text.map((value) => ({ text: value, json: value })),
  varchar: text.map((value) => ({ text: value, json: value })),
  "bit varying": fixed("101", "", "1"),
  date: fixed("2024-02-29", "infinity", "0001-01-01 BC"),
  timestamptz: fixed("2024-03-31 02:30:00+00", "2024-12-31 23:59:60Z"),
  uuid: fixed("6f1f0a52-7d44-4d4f-9c5a-0b4f3a1e2d3c"),
  bytea: fixed("\\x00ff10", "\\x"),
  mood: fixed("happy", "so, so"),
  short: fixed("one", "two"),
  int4range: fixed("[1,5)", "empty", "(,7]"),
  "integer[]": fc.array(fc.option(integer)).map((list) => ({
    text: `{${list.map((n) => n ?? "NULL").join(",")}}`,
    json: list,
  })),
  "text[]": fc.array(fc.option(text)).map((list) => ({
    text: `{${list.map((value) => (value === null ? "NULL" : quoted(value))).join(",")}}`,
    json: list,
  })),
  pair: fc.tuple(integer, text).map(([a, b]) => ({
    text: `(${a},"${b.replaceAll("\\", "\\\\").replaceAll('"', '""')}")`,
    json: { a, b },
  })),
  jsonb: fc
    .jsonValue({ noUnicodeString: false })
    .filter(isStorable)
    .map((value) => ({
      text: JSON.stringify(value),
      json: value,
    })),
};

/** PostgreSQL's text has no NUL, and its `jsonb` no half surrogates. */
function isStorable(value: unknown): boolean {
  const json = JSON.stringify(value);
  return !json.includes("\\u0000") && json.isWellFormed() && !/\\ud[89a-f]/.test(json);
}

const NAMES = ["a", "b", "b c", "Ünï", "user", "é_1", "C", 'say "x"', "select", "limit", "p-q", "x.y", "$1", "it's"];

const parameters: fc.Arbitrary<readonly Parameter[]> = fc
  .uniqueArray(fc.constantFrom(...NAMES), { minLength: 1, maxLength: 5 })
  .chain((names) =>
    fc
      .tuple(
        fc.array(fc.constantFrom(...Object.keys(TYPES)), { minLength: names.length, maxLength: names.length }),
        fc.nat({ max: names.length }),
      )
      .map(([types, required]) =>
        names.map((name, index) => ({
          name,
          type: types[index]!,
          value: TYPES[types[index]!]!,
          hasDefault: index >= required,
        })),
      ),
  );

/** A function that answers what it got, and what a request gives it; absent: left to the default. */
interface Case {
  readonly parameters: readonly Parameter[];
  readonly given: readonly (Value | null | undefined)[];
}

const oneCase: fc.Arbitrary<Case> = parameters.chain((list) =>
  fc
    .tuple(...list.map(({ value, hasDefault }) => fc.option(value, { nil: hasDefault ? undefined : null, freq: 9 })))
    .map((given) => ({ parameters: list, given })),
);

/** Reserved words are no arguments in a URL, dots and signs part names there, and what reads like a filter is one. */
const FITS_URL = (name: string): boolean =>
  !["select", "limit", "order"].includes(name) && /^[\p{L}\d _]+$/u.test(name);
const READS_AS_FILTER = /^(?:not|is|in|[a-z]*fts|eq|like)\b[.(]/;

test("arguments of every type arrive as PostgreSQL itself reads them", async (t) => {
  const url = await testDatabase(t, {
    sql: "create type mood as enum ('happy', 'so, so'); create domain short as varchar(5); create type pair as (a int, b text);",
  });
  const cases = fc.sample(oneCase, { numRuns: 200, seed: 4 });
  await runSql(url, cases.map(({ parameters: list }, index) => functionSql(`f${index}`, list)).join("\n"));
  const api = await serve(t, url, { postgres: POSTGREST_LIKE });
  const client = new Client({ connectionString: url });
  await client.connect();
  t.after(() => client.end());
  let byUrl = 0;
  for (const [index, { parameters: list, given }] of cases.entries()) {
    const name = `f${index}`;
    const present = list.flatMap((parameter, at) => {
      const value = given[at];
      return value === undefined ? [] : [{ parameter, value }];
    });
    const expected = await direct(client, name, present);
    const describe = (): string => `${functionSql(name, list)} ${JSON.stringify(present.map(({ value }) => value))}`;

    const content = Object.fromEntries(present.map(({ parameter, value }) => [parameter.name, value?.json ?? null]));
    const byPost = await api.send(
      "POST",
      `/rpc/${name}`,
      { "content-type": "application/json" },
      JSON.stringify(content),
    );
    assert.deepEqual(JSON.parse(byPost.text), expected, describe());
    // The first of a list counts.
    const list2 = JSON.stringify([content, content]);
    const byList = await api.send("POST", `/rpc/${name}`, { "content-type": "application/json" }, list2);
    assert.deepEqual(JSON.parse(byList.text), expected, describe());

    // There is no null in a URL.
    if (present.some(({ value }) => value === null)) continue;
    const pairs = present.map(({ parameter, value }) => [parameter.name, value?.text ?? ""] as const);
    const form = new URLSearchParams(pairs.map(([key, value]): [string, string] => [key, value])).toString();
    const byForm = await api.send("POST", `/rpc/${name}`, { "content-type": FORM }, form);
    assert.deepEqual(JSON.parse(byForm.text), expected, `form: ${describe()}`);
    if (pairs.some(([key, value]) => !FITS_URL(key) || READS_AS_FILTER.test(value))) continue;
    byUrl += 1;
    const query = pairs.map(([key, value]) => `${encodeURIComponent(key)}=${encodeURIComponent(value)}`).join("&");
    assert.deepEqual(await api.json(`/rpc/${name}?${query}`), expected, describe());
  }
  assert.ok(byUrl > 25, `only ${byUrl} by URL`);
});

test("variadic parameters take what is repeated; of others the last counts", async (t) => {
  const url = await testDatabase(t, {
    sql: `
      create function many(first text, variadic rest int[]) returns json language sql immutable as 'select json_build_array(first, rest)';
      create function texts(variadic v text[] default '{none}') returns text[] language sql immutable as 'select v';
      create function plain(v text) returns text language sql immutable as 'select v';`,
  });
  const api = await serve(t, url);
  assert.deepEqual(await api.json("/rpc/many?first=x&rest=1&rest=2&rest=3"), ["x", [1, 2, 3]]);
  assert.deepEqual(await api.json("/rpc/many?rest=1&first=x&rest=2&first=y"), ["y", [1, 2]]);
  assert.deepEqual(await api.json("/rpc/texts"), ["none"]);
  const nasty = NASTY_TEXTS.filter((value) => !READS_AS_FILTER.test(value));
  const query = nasty.map((value) => `v=${encodeURIComponent(value)}`).join("&");
  assert.deepEqual(await api.json(`/rpc/texts?${query}`), nasty);
  assert.deepEqual(await api.json("/rpc/texts?v="), [""]);
  assert.equal(await api.json("/rpc/plain?v=a&v=b"), "b");
  const form = new URLSearchParams(NASTY_TEXTS.map((value): [string, string] => ["v", value])).toString();
  const byForm = await api.send("POST", "/rpc/texts", { "content-type": FORM }, form);
  assert.deepEqual(JSON.parse(byForm.text), NASTY_TEXTS);
  const byPost = await api.send("POST", "/rpc/many", {}, '{"first": "x", "rest": [4, 5]}');
  assert.deepEqual(JSON.parse(byPost.text), ["x", [4, 5]]);
});

test("calls of one shape are one statement, and never share arguments", async (t) => {
  const url = await testDatabase(t, {
    sql: `
      create function echo(a text, b text default 'none') returns json language sql stable as 'select json_build_array(a, b)';
      create function statements() returns bigint language sql stable as
        $$ select count(*) from pg_prepared_statements where statement like '%echo%' and statement not like '%pg_prepared%' $$;`,
  });
  const api = await serve(t, url, { postgres: { pool: { max: 1, minIdle: 1 } } });
  const values = fc.sample(fc.tuple(text, text), { numRuns: 100, seed: 1 });
  const answers = values
    .filter((pair) => pair.every((value) => !READS_AS_FILTER.test(value)))
    .map(async ([a, b]) => {
      const query = `a=${encodeURIComponent(a)}&b=${encodeURIComponent(b)}`;
      assert.deepEqual(await api.json(`/rpc/echo?${query}`), [a, b]);
      const post = await api.send("POST", "/rpc/echo", {}, JSON.stringify({ b, a }));
      assert.deepEqual(JSON.parse(post.text), [a, b]);
    });
  await Promise.all(answers);
  assert.ok(answers.length > 50);
  assert.equal(await api.json("/rpc/statements"), 2);
});

const FORM = "application/x-www-form-urlencoded";

function functionSql(name: string, list: readonly Parameter[]): string {
  const declared = list.map((parameter) => {
    return `${named(parameter.name)} ${parameter.type}${parameter.hasDefault ? " default null" : ""}`;
  });
  const shown = list.map((_, index) => `'${index}', $${index + 1}`);
  return `create function ${name}(${declared.join(", ")}) returns json language sql immutable as $f$ select json_build_object(${shown.join(", ")}) $f$;`;
}

function cast(type: string): string {
  return type === "character" ? "varchar" : type;
}

/** What PostgreSQL answers when it is asked by itself, with the arguments as texts. */
async function direct(
  client: Client,
  name: string,
  present: readonly { readonly parameter: Parameter; readonly value: Value | null }[],
): Promise<unknown> {
  // Of `character` the dialect takes any length, as a column of it without a length would.
  const args = present.map(
    ({ parameter }, at) => `${named(parameter.name)} => $${at + 1}::text::${cast(parameter.type)}`,
  );
  const { rows } = await client.query<{ got: unknown }>(
    `select ${name}(${args.join(", ")}) as got`,
    present.map(({ value }) => value?.text ?? null),
  );
  return rows[0]?.got;
}
