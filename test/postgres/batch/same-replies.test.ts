import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { findLink, parseLink } from "../../../src/http/index.ts";
import { queryRows, testDatabase } from "../../support/postgres.ts";
import { type Answer, type ServedApi, serve } from "../../support/server.ts";
import { NASTY_TEXTS } from "../query/random-reads.ts";
import { savedStatements, splitStatements } from "./saved.ts";

const SCHEMA = `
  create type mood as enum ('sad', 'so so', 'happy');
  create domain rank as int check (value > 0);
  create table kinds (
    id int primary key, small int2, big int8, price numeric(9,3), ratio float8, label text, code varchar(6), fixed char(4),
    bytes text collate "C", flag bool, uid uuid, born date, seen timestamptz, feeling mood, place rank, tags text[], area box,
    span int4range, alias name, network cidr, "hp.batch" int, v1 int, n int, updated_at timestamptz
  );
  create table parts (id int primary key, kind_id int references kinds, label text, note text);
  create view shown as select id, label, 10 / (id - 13) as inverse from kinds;`;

const ROWS = `
  insert into kinds
  select n, n % 5, 9007199254740993 + n % 7, (n % 9) * 1.125, n / 3.0, ($1::text[])[1 + n % cardinality($1::text[])],
    'c' || n % 4, 'f' || n % 3, ($1::text[])[1 + n % 11], n % 3 = 0, md5((n % 12)::text)::uuid, date '2020-02-27' + n % 6,
    timestamptz '2024-03-10 01:59:59+00' + n % 8 * interval '1 hour', (array['sad', 'so so', 'happy', null]::mood[])[1 + n % 4],
    1 + n % 4, ($1::text[])[1 + n % 20 : 2 + n % 20 + n % 3], box(point(n % 3, 0), point(1, 1)), int4range(n % 4, 5), 'n' || n % 4,
    ('10.0.' || n % 4 || '.0/24')::cidr, n % 5, n % 6, n % 7, timestamptz '2024-01-01 00:00:00+00' + n * interval '1 second'
  from generate_series(1, 90) n`;
const PARTS =
  "insert into parts select n, n % 60 + 1, ($1::text[])[1 + n % 12], 'p' || n % 3 from generate_series(1, 200) n";

const integer = (most: number) => fc.nat(most).map(String);
const text = fc.constantFrom(...NASTY_TEXTS);
const COLUMNS: readonly (readonly [string, fc.Arbitrary<string>])[] = [
  ["id", integer(95)],
  ["small", integer(6)],
  ["big", fc.nat(8).map((n) => String(9007199254740993n + BigInt(n)))],
  ["price", fc.nat(9).map((n) => String(n * 1.125))],
  ["ratio", fc.constantFrom("1", "2", "0.3333333333333333", "NaN")],
  ["label", text],
  ["code", fc.constantFrom("c1", "c2", "c3 ", "longer than that")],
  ["fixed", fc.constantFrom("f1", "f1  ", "f2", "f")],
  ["bytes", text],
  ["flag", fc.constantFrom("true", "f", "yes", "0")],
  ["uid", fc.constantFrom("c4ca4238a0b923820dcc509a6f75849b", "cfcd2084-95d5-65ef-66e7-dff9f98764da")],
  ["born", fc.nat(9).map((n) => `2020-02-2${n}`)],
  ["seen", fc.nat(9).map((n) => `2024-03-10T0${n}:59:59Z`)],
  ["feeling", fc.constantFrom("sad", "so so", "happy")],
  ["place", integer(5)],
  ["tags", fc.array(text, { maxLength: 2 }).map((list) => `{${list.map((each) => JSON.stringify(each)).join(",")}}`)],
  ["area", fc.nat(2).map((n) => `(1,1),(${n},0)`)],
  ["span", fc.nat(5).map((n) => `[${n},5)`)],
  ["alias", fc.nat(5).map((n) => `n${n}`)],
  ["network", fc.nat(5).map((n) => `10.0.${n}.0/24`)],
  ["hp.batch", integer(5)],
  ["v1", integer(5)],
  ["n", integer(7)],
];
/** What some type's input function refuses, in a word or a number too large. */
const refused = fc.constantFrom("notanumber", "", "99999999999999999999", "2020-02-30", "{", "1.5", "NULL", '"');

/** How one kind of request asks for a column's value. */
type Ask = (name: string, value: string) => { readonly path: string; readonly headers?: Record<string, string> };
const ASKS: readonly Ask[] = [
  (name, value) => ({ path: `/kinds?${name}=eq.${value}&order=id` }),
  (name, value) => ({ path: `/kinds?${name}=eq.${value}&order=id.desc&limit=3` }),
  (name, value) => ({
    path: `/kinds?${name}=eq.${value}&order=seen.desc.nullslast,id&limit=2&offset=1&select=id,${name}`,
  }),
  (name, value) => ({ path: `/kinds?${name}=eq.${value}&limit=4`, headers: { prefer: "count=exact" } }),
  (name, value) => ({ path: `/kinds?${name}=not.eq.${value}&id=in.(1,2,3,5,8)&order=id` }),
  (name, value) => ({ path: `/kinds?${name}=eq.${value}&id=lte.50&order=id` }),
  (name, value) => ({ path: `/kinds?${name}=eq.${value}`, headers: { accept: "application/vnd.pgrst.object+json" } }),
  (name, value) => ({ path: `/kinds?${name}=eq.${value}&order=id`, headers: { accept: "text/csv" } }),
  (name, value) => ({ path: `/kinds?${name}=in.(1,"${value.replaceAll(/["\\]/g, "\\$&")}")&order=id` }),
  (name, value) => ({
    path: `/kinds?${name}=eq.${value}&select=id,parts(id,label)&parts.order=id.desc&parts.limit=2&order=id`,
  }),
  (_, value) => ({ path: `/kinds?id=eq.${value}&select=id,tags,parts!inner(note)&parts.note=eq.p1` }),
  (_, value) => ({ path: `/kinds?select=id,parts(note)&parts.label=eq.${value}&order=id&limit=20` }),
  (_, value) => ({ path: `/kinds/${value}` }),
  (_, value) => ({ path: `/kinds/${value}?select=id,seen,parts(*)` }),
  (_, value) => ({ path: `/shown?id=eq.${value}` }),
];

const request = fc
  .record({
    ask: fc.constantFrom(...ASKS),
    column: fc.constantFrom(...COLUMNS),
    method: fc.constantFrom("GET", "GET", "HEAD"),
  })
  .chain(({ ask, column: [name, values], method }) =>
    fc
      .array(fc.oneof({ weight: 25, arbitrary: values }, { weight: 1, arbitrary: refused }), {
        minLength: 12,
        maxLength: 30,
      })
      .map((list) => list.map((value) => ({ method, ...ask(encodeURIComponent(name), encodeURIComponent(value)) }))),
  );

test("replies are the same to the byte whether reads share statements or not", async (t) => {
  const url = await testDatabase(t);
  await queryRows(url, SCHEMA);
  await queryRows(url, ROWS, [NASTY_TEXTS]);
  await queryRows(url, PARTS, [NASTY_TEXTS]);
  // With one connection and no pipeline whatever arrives together waits together.
  const shared = await serve(t, url, {
    postgres: { pool: { max: 1, maxPipelineDepth: 1 }, queryCache: { enabled: false } },
  });
  const alone = await serve(t, url, { postgres: { pool: { maxBatch: 1 }, queryCache: { enabled: false } } });

  await t.test("random reads of few shapes, bad values among them", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(request, { minLength: 1, maxLength: 2 }), fc.nat(1000), async (groups, seed) => {
        const requests = shuffled(groups.flat(), seed);
        const send = (api: ServedApi) =>
          Promise.all(requests.map(({ method, path, headers }) => api.send(method, path, headers)));
        // The first time few of the statements are known well enough to be shared.
        const [expected, ...rounds] = [await send(alone), await send(shared), await send(shared), await send(shared)];
        for (const answers of rounds) {
          for (const [index, answer] of answers.entries()) {
            assert.deepEqual(comparable(answer), comparable(expected[index]!), requests[index]!.path);
          }
        }
      }),
      { numRuns: 80 },
    );
  });

  await t.test("the pages that many readers turn at the same time", async () => {
    const first = "/parts?order=note.desc,id&limit=7&select=id";
    let pages = Array.from({ length: 12 }, (_, index) => `${first}&kind_id=not.eq.${index}`);
    for (let round = 0; round < 6; round++) {
      const [expected, answers] = await Promise.all(
        [alone, shared].map((api) => Promise.all(pages.map((path) => api.get(path)))),
      );
      assert.deepEqual(answers!.map(comparable), expected!.map(comparable));
      pages = answers!.map(({ headers: { link = "" } }) => findLink(parseLink(String(link)), "next")!);
    }
  });

  assert.ok((await savedStatements(shared, "merged")) > 100);
  assert.ok((await savedStatements(shared, "equal")) > 300);
  assert.ok((await splitStatements(shared, "failed")) > 0);
  assert.equal((await savedStatements(alone, "merged")) + (await savedStatements(alone, "equal")), 0);
});

function comparable({ status, statusText, headers, bytes }: Answer): unknown {
  const { date: _date, ...others } = headers;
  return { status, statusText, headers: others, bytes: bytes.toString("latin1") };
}

function shuffled<T>(items: readonly T[], seed: number): readonly T[] {
  return items
    .map((item, index) => ({ item, place: (index * 7919 + seed * 104_729) % 997 }))
    .toSorted((one, other) => one.place - other.place)
    .map(({ item }) => item);
}
