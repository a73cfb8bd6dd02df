import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { Client } from "pg";
import { readCatalog } from "../../../src/postgres/catalog/read-catalog.ts";
import type { Catalog } from "../../../src/postgres/catalog/types.ts";
import { DialectError } from "../../../src/postgres/dialect-error.ts";
import { planRead } from "../../../src/postgres/query/build-plan.ts";
import { compileRead, type ReadOptions } from "../../../src/postgres/query/compile-read.ts";
import { parseQuery } from "../../../src/postgres/query/parse.ts";
import { parseQueryString } from "../../../src/postgres/query/query-string.ts";
import { rootRange } from "../../../src/postgres/row-range.ts";
import { queryRows, testDatabase } from "../../support/postgres.ts";
import { type Answer, serve } from "../../support/server.ts";

/** Stands in every hostile text, so that its way can be followed. */
const MARK = "zqx7";

const HOSTILE = [
  `${MARK}'; drop table owner; --`,
  `${MARK}"; drop table owner; --`,
  `${MARK}" from owner; delete from owner; --`,
  `${MARK}'')) or 1=1 --`,
  `${MARK}\\'; select pg_sleep(9); --`,
  `${MARK}$1`,
  `$$${MARK}$$`,
  `${MARK}/* */`,
  `${MARK}\n--`,
  `${MARK}\u2019; drop`,
  `${MARK}::int) from owner; --`,
  `${MARK}(select 1)`,
  `E'${MARK}\\047`,
  `${MARK},id)`,
  `${MARK})`,
  `(${MARK}`,
  `"${MARK}`,
  `${MARK}".x."y`,
  `${MARK}->>'a`,
  `${MARK}; commit; drop table owner`,
  `${MARK}%`,
  `${MARK}\u0001\u007f`,
  `${MARK} as x, (select passwd from pg_shadow limit 1) as y`,
  `U&"${MARK}"`,
  `${MARK}{},{}`,
  `../${MARK}`,
  `${MARK}\r\nX-Injected: 1`,
] as const;

/** Where a request carries text: \`?\` takes it as it is, \`"?"\` inside the dialect's quotes. */
const PLACES = [
  "select=?",
  'select="?"',
  "select=?:id",
  'select="?":id',
  "select=id::?",
  "select=data->?",
  'select=data->"?"',
  'select=data->>"?"',
  "select=pet!?(id)",
  'select=pet!"?"(id)',
  'select="?"(id)',
  'select="?":pet(id)',
  'select=..."?"(id)',
  'select=id,"?":pet("?":id)',
  "select=id.?()",
  "?=eq.1",
  '"?"=eq.1',
  '"?"->>a=eq.1',
  "data->>?=eq.1",
  'pet."?"=eq.1',
  '"?".id=eq.1',
  "id=?",
  "id=?.1",
  "id=eq.?",
  "name=eq.?",
  "name=not.eq.?",
  "name=in.(?)",
  'name=in.("?")',
  "name=like.?",
  "name=match.?",
  "name=eq(any).?",
  "name=eq(any).{?}",
  "name=fts(?).x",
  "name=fts.?",
  "name=wfts.?",
  "name=is.?",
  "name=isdistinct.?",
  "tags=cs.?",
  "tags=cs.{?}",
  "data=cs.?",
  "order=?",
  'order="?"',
  'order="?".desc',
  "order=id.?",
  'order=data->>"?"',
  'order=pet("?")',
  "limit=?",
  "offset=?",
  "or=(?)",
  'or=("?".eq.1)',
  "or=(id.eq.?)",
  'or=(name.eq."?")',
  'and=(name.in.("?"))',
  "or=(name.?.1)",
  "?.or=(id.eq.1)",
  "columns=?",
  "on_conflict=?",
  "after=?",
  "order=id&limit=1&after=?",
  "?",
  "?=?",
] as const;

const SCHEMA = `
  create table owner (id int primary key, name text, data jsonb, tags text[], updated_at timestamptz default now());
  create table pet (id int primary key, owner_id int references owner, name text);
  insert into owner values (1, 'one', '{"a": 1}', '{x}'), (2, 'two', null, null); insert into pet values (1, 1, 'p');`;

const encode = (place: string, text: string): string => {
  const inner = place.includes('"?"') ? text.replaceAll("\\", "\\\\").replaceAll('"', '\\"') : text;
  const [name = "", ...value] = place.split("=");
  const fill = (part: string): string => encodeURIComponent(part.replaceAll("?", () => inner));
  return place
    .split("&")
    .map((pair) =>
      pair === place
        ? [fill(name), ...(place.includes("=") ? [fill(value.join("="))] : [])].join("=")
        : pair.split("=").map(fill).join("="),
    )
    .join("&");
};

test("no text of a request reaches SQL but as a parameter or a quoted output name", async (t) => {
  const url = await testDatabase(t, { sql: SCHEMA });
  const catalog = await catalogOf(url);
  const compile = (query: string): { text: string } | undefined => {
    try {
      return { text: compileText(catalog, query) };
    } catch (error) {
      assert.ok(error instanceof DialectError && error.status < 500, String(error));
      return undefined;
    }
  };
  let compiled = 0;
  const check = (place: string, text: string): void => {
    const found = compile(encode(place, text));
    if (found === undefined) return;
    compiled += 1;
    // What is left without quoted identifiers is ours alone: the same as for a harmless text.
    const bare = withoutNames(found.text);
    assert.ok(!bare.includes(MARK), found.text);
    if (place.includes('"?"')) {
      const harmless = compile(encode(place, MARK));
      if (harmless !== undefined) assert.equal(bare, withoutNames(harmless.text));
    }
    if (!/^select=.*\?.*[:(]|^select=.*->/.test(place))
      assert.ok(!found.text.includes(MARK), `${place}: ${found.text}`);
  };
  for (const place of PLACES) for (const text of HOSTILE) check(place, text);
  assert.ok(compiled > 400, `only ${compiled} of them compiled`);
  const random = fc.tuple(
    fc.constantFrom(...PLACES),
    fc.string({ unit: "binary", maxLength: 12 }).filter((text) => !text.includes("\0")),
  );
  fc.assert(
    fc.property(random, ([place, text]) => check(place, `${MARK}${text}`)),
    { numRuns: 1500 },
  );
});

test("hostile requests get an answer below 500 in JSON, and change nothing", async (t) => {
  const url = await testDatabase(t, { sql: SCHEMA });
  const api = await serve(t, url, {
    postgres: { pool: { statementTimeout: "5s" }, aggregates: true, planEnabled: true },
  });
  const before = await checksum(url);

  await t.test("in every place of the query", async () => {
    for (const text of HOSTILE) {
      const requests = PLACES.map((place) => `/owner?${encode(place, text)}`);
      const answers = await Promise.all(requests.map((path) => api.get(path)));
      for (const [index, answer] of answers.entries()) harmless(answer, requests[index]!);
    }
  });

  await t.test("in paths and headers", async () => {
    for (const text of HOSTILE) {
      const escaped = encodeURIComponent(text);
      for (const path of [
        `/${escaped}`,
        `/owner/${escaped}`,
        `/owner/1,${escaped}`,
        `/${escaped}/1`,
        `/owner/1/${escaped}`,
      ])
        harmless(await api.get(path), path);
      const field = text.replaceAll(/[^\x20-\x7e]/g, "");
      for (const name of [
        "prefer",
        "accept",
        "accept-profile",
        "content-profile",
        "range",
        "range-unit",
        "if-none-match",
        "if-modified-since",
        "accept-encoding",
        "cookie",
      ]) {
        harmless(await api.get("/owner", { [name]: field }), `${name}: ${field}`);
      }
      for (const word of ["count", "timezone", "handling", "tx", "return", "max-affected"])
        harmless(await api.get("/owner", { prefer: `${word}=${field}` }), word);
      harmless(await api.get("/owner", { prefer: `handling=strict, timezone=${field}` }), "strict");
      harmless(
        await api.get("/owner", {
          accept: `application/vnd.pgrst.plan+json; options=${field}; for="${field.replaceAll('"', "")}"`,
        }),
        "plan",
      );
      harmless(await api.get("/owner", { range: `${field}-` }), "range");
    }
  });

  await t.test("zero bytes, which would end SQL text early", async () => {
    for (const place of PLACES) harmless(await api.get(`/owner?${encode(place, `${MARK}\0${MARK}`)}`), place);
    harmless(await api.get("/owner/%00"), "path");
    harmless(await api.get("/%00?a=%00"), "path");
    // Neither may it give a harmless request the statement of another.
    assert.equal((await api.get("/owner?name=fts.foo%00select%00=*")).status, 400);
    assert.deepEqual(await api.json("/owner?name=fts.foo&select=*"), []);
  });

  await t.test("nesting without end", async () => {
    for (const open of ["and(", "not.or("]) harmless(await api.get(`/owner?or=(${open.repeat(2000)}id.eq.1`), open);
    harmless(await api.get(`/owner?select=${"pet(".repeat(3000)}`), "select");
    harmless(await api.get(`/owner?select=${"pet(owner(".repeat(500)}id${"))".repeat(500)}`), "select");
    assert.equal((await api.get(`/owner?or=${"(and".repeat(50)}(id.eq.1)${")".repeat(50)}`)).status, 200);
    assert.equal((await api.get(`/owner?select=${"pet(owner(".repeat(20)}id${"))".repeat(20)}&id=eq.2`)).status, 200);
  });

  assert.equal(await checksum(url), before);
});

test("what a function of the database raises cannot break the reply", async (t) => {
  const url = await testDatabase(t, {
    sql:
      SCHEMA +
      raise("phrase", String.raw`raise sqlstate 'PT402' using message = E'Pay\r\nX-Injected: 1 ✓';`) +
      raise(
        "listed",
        String.raw`raise sqlstate 'PGRST' using message = '{"code":"a\r\nb✓","message":"m"}', detail = '{"status":418,"status_text":"✓\n","headers":{"X-Note":"ä\r\nX-Injected: 1"}}';`,
      ) +
      raise(
        "misnamed",
        String.raw`raise sqlstate 'PGRST' using message = '{"code":"c","message":"m"}', detail = '{"status":400,"headers":{"x y\n":"v"}}';`,
      ) +
      raise("teapot", "raise sqlstate 'PT999' using message = 'no such status';"),
  });
  const api = await serve(t, url);
  for (const [name, status] of [
    ["phrase", 402],
    ["listed", 418],
    ["misnamed", 500],
    ["teapot", 500],
  ] as const) {
    const answer = await api.get(`/owner?select=${name}`);
    assert.equal(answer.status, status, name);
    assert.equal(answer.headers["x-injected"], undefined);
    assert.equal(typeof (JSON.parse(answer.text) as { code: unknown }).code, "string");
  }
  const listed = await api.get("/owner?select=listed");
  assert.equal(Buffer.from(String(listed.headers["x-note"]), "latin1").toString(), "ä X-Injected: 1");
  assert.equal(Buffer.from(listed.statusText, "latin1").toString(), "✓");
});

async function catalogOf(url: string): Promise<Catalog> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    const query = async (text: string, values: readonly (string | null)[]): Promise<readonly (string | null)[][]> =>
      (
        await client.query<(string | null)[]>({
          text,
          values: [...values],
          rowMode: "array",
          types: { getTypeParser: () => String },
        })
      ).rows;
    return await readCatalog(query, { schemas: ["public"], extraSearchPath: ["public"] });
  } finally {
    await client.end();
  }
}

function compileText(catalog: Catalog, query: string): string {
  const relation = catalog.relations.get("public")!.get("owner")!;
  const parsed = parseQuery(parseQueryString(query));
  const range = rootRange(undefined, parsed.ranges.findLast(({ path }) => path.length === 0)?.item);
  const node = planRead(catalog, relation, parsed, range, { maxRows: null, aggregates: true, legacyTargetNames: true });
  const options: ReadOptions = {
    format: { kind: "array", stripNulls: false },
    count: "estimated",
    maxRows: 10,
    isWhole: false,
    readsReplySettings: false,
    isSingleRow: false,
    modifiedColumn: null,
    cursor: null,
    explain: null,
    types: new Map([["int", "integer"]]),
    catalogVersion: "",
  };
  const { main, plannedCount } = compileRead(node, options);
  return `${main.statement.text}\n${plannedCount?.statement.text}`;
}

function withoutNames(sql: string): string {
  return sql.replaceAll(/"(?:[^"]|"")*"/g, "@");
}

async function checksum(url: string): Promise<string> {
  const [row] = await queryRows(
    url,
    "select md5(string_agg(o::text, '' order by id)) || (select md5(string_agg(p::text, '')) from pet p) || (select count(*) from pg_class) as sum from owner o",
  );
  return String(row?.["sum"]);
}

function harmless(answer: Answer, what: string): void {
  assert.ok(answer.status < 500, `${what}: ${answer.status} ${answer.text}`);
  assert.equal(answer.headers["x-injected"], undefined);
  if (answer.status < 400) return;
  const body = JSON.parse(answer.text) as { code?: unknown };
  assert.equal(typeof body.code, "string", what);
  assert.doesNotMatch(answer.text, /\.ts:\d|\bat \w+ \(|node:internal/);
}

/** A function that can be selected as a column of owner. */
function raise(name: string, body: string): string {
  return `create function ${name}(owner) returns text language plpgsql as $f$ begin ${body} end $f$;`;
}
