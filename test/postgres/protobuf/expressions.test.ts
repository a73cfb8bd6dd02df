import assert from "node:assert/strict";
import { test } from "node:test";
import { fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import * as fc from "fast-check";
import { testDatabase } from "../../support/postgres.ts";
import { decode, encode, loadProto } from "../../support/proto.ts";
import { serve } from "../../support/server.ts";

const SQL = `
  set timezone = 'UTC';
  create type mood as enum ('happy', 'sad');
  create type pair as (a int, b text);
  create domain positive as integer check (value > 0);
  create table things (
    id int primary key, expressions text, b boolean, i2 smallint, i8 bigint, n numeric, f4 real, f8 double precision, t text, u uuid, y bytea,
    d date, ts timestamp, tz timestamptz, j jsonb, m mood, p pair, dm positive, a int[], mo money, iv interval
  );
  create table parts (id int primary key, thing int references things on delete cascade, price numeric(9, 2));
  create function doubled(things) returns int language sql stable as 'select $1.id * 2';
  create function some_things() returns setof things language sql stable as 'select * from things';`;

type Row = Record<string, unknown>;

const PROTOBUF = { accept: "application/x-protobuf" };

/** What is worked out of each column, by the name that it is given. */
const SELECTED = [
  "b::text i2::int8 i8::text i8::numeric n::float8 n::text f4::float8 f4::numeric f8::real t::varchar u::text",
  "y::text d::timestamp d::timestamptz ts::date tz::date tz::time tz::timestamptz j::text j::json m::text",
  "t::name p::text p::pair dm::int8 dm::positive a::text a::_int8 mo::numeric mo::money iv::interval id::oid",
  "id::bool y::bytea u::uuid i2::float4 i2::varchar j->a j->>a j->a->0 p->b p->>a a->0 doubled::text",
].flatMap((line) => line.split(" "));
const SELECT = ["id", ...SELECTED.map((expression, index) => `e${index}:${expression}`)].join(",");

test("casts and parts of JSON are what they are in JSON", async (t) => {
  const api = await serve(t, await testDatabase(t, { sql: SQL }), { postgres: { aggregates: true } });
  const root = await loadProto(api);
  const row = fc.record({
    b: fc.boolean(),
    i2: fc.integer({ min: -32_768, max: 32_767 }),
    i8: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String),
    n: fc.oneof(
      fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e20, max: 1e20 }),
      fc.constantFrom("NaN", "Infinity"),
    ),
    f4: fc.oneof(
      fc.float({ noNaN: true, noDefaultInfinity: true, min: -1000, max: 1000 }).map(forReal),
      fc.constant("-Infinity"),
    ),
    f8: fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e30, max: 1e30 }).map(forReal),
    t: fc.string({ maxLength: 40 }).map((text) => text.replaceAll("\0", "")),
    u: fc.uuid(),
    y: fc.uint8Array({ maxLength: 20 }).map((bytes) => `\\x${Buffer.from(bytes).toString("hex")}`),
    d: fc.constantFrom("2024-02-29", "0001-01-01", "infinity"),
    ts: fc.constantFrom("2024-02-29T12:00:00.5", "1600-01-01T00:00:00"),
    tz: fc.constantFrom("2024-02-29T12:00:00.000001Z", "1969-12-31T23:59:59.25Z"),
    j: fc.constantFrom({ a: [1, "x"] }, { a: "text" }, { a: { b: null } }, { a: 1.5 }, [1]),
    m: fc.constantFrom("happy", "sad"),
    p: fc.record({ a: fc.integer(), b: fc.constantFrom("x", 'y "z"') }),
    dm: fc.integer({ min: 1, max: 1000 }),
    a: fc.array(fc.option(fc.integer()), { maxLength: 3 }),
    mo: fc.integer().map((cents) => (cents / 100).toFixed(2)),
    iv: fc.constantFrom("1 day 02:03:04", "-3 mons"),
  });
  const optional = row.chain((whole) =>
    fc
      .subarray(Object.keys(whole))
      .map((names) => Object.fromEntries(Object.entries(whole).filter(([name]) => names.includes(name)))),
  );
  await fc.assert(
    fc.asyncProperty(fc.oneof(row, optional), async (generated) => {
      await api.send("DELETE", "/things");
      const stored = await api.send("POST", "/things", {}, JSON.stringify({ id: 1, ...generated }));
      assert.equal(stored.status, 201, stored.text);
      await assertAlike(`/things?select=${encodeURIComponent(SELECT)}`);
      await assertAlike(`/things/1?select=${encodeURIComponent(SELECT)}`);
    }),
    { numRuns: 25 },
  );

  await t.test("aggregates, of embedded rows, too", async () => {
    await api.send("DELETE", "/things");
    const many = Array.from({ length: 9 }, (_, index) => ({
      id: index + 1,
      i2: index,
      i8: `${index}000000000000000`,
      n: `${index}.25`,
      f4: index / 4,
      f8: index / 2,
      t: `t${index}`,
      d: `2024-01-0${index + 1}`,
      tz: `2024-01-0${index + 1}T00:00:00Z`,
      mo: index,
      iv: `${index} days`,
      dm: index + 1,
      a: [index],
      m: index % 2 === 0 ? "happy" : "sad",
      u: `00000000-0000-0000-0000-00000000000${index}`,
      b: true,
      j: { a: index },
    }));
    const stored = await api.send("POST", "/things", {}, JSON.stringify(many));
    assert.equal(stored.status, 201, stored.text);
    const parts = Array.from({ length: 10 }, (_, index) => ({ id: index, thing: 1, price: index * 1.5 }));
    assert.equal((await api.send("POST", "/parts", {}, JSON.stringify(parts))).status, 201);
    const sums = ["i2", "i8", "n", "f4", "f8", "mo", "iv", "dm"].map((name) => `s_${name}:${name}.sum()`);
    const means = ["i2", "i8", "n", "f4", "f8", "iv"].map((name) => `a_${name}:${name}.avg()`);
    const most = ["i2", "i8", "n", "f4", "f8", "mo", "iv", "t", "d", "tz", "m", "a", "dm"];
    const extremes = most.flatMap((name) => [`x_${name}:${name}.max()`, `n_${name}:${name}.min()`]);
    const casts = [
      "c1:n.sum()::int4",
      "c2:i2::text.max()",
      "c3:tz.max()::date",
      "c4:j->a::int4.sum()",
      "c5:j->>a.max()",
    ];
    await assertAlike(`/things?select=${[...sums, ...means, ...extremes, ...casts, "count()"].join(",")}`);
    await assertAlike("/things?select=m,id.sum(),count()&order=m");
    await assertAlike("/things?select=b,m,i8.sum()&order=m");
    await assertAlike("/things?select=id,parts(price.sum(),count())&order=id&limit=2");
    await assertAlike("/rpc/some_things?select=id.max(),n.avg()");
    // Nothing to add up: null, and so not there.
    const none = await api.get("/things?select=id.sum(),count()&id=eq.0", PROTOBUF);
    assert.deepEqual(rowsOf(none.bytes), [{ expressions_selected: { count: { int_value: "0" } } }]);
  });

  await t.test("each value stands in the field of its type", async () => {
    const one = await api.get(
      "/things/3?select=i2::int8,n::text,f8::real,a,x:a::_text,tz::timestamptz,j->a,y::bytea,b::bool",
      PROTOBUF,
    );
    assert.deepEqual(decode(root, "hotpath.api.Things", one.bytes), {
      a: [2],
      expressions_selected: {
        i2: { int_value: "2" },
        n: { string_value: "2.25" },
        f8: { double_value: 1 },
        x: { json_value: '["2"]' },
        tz: { timestamp_value: { seconds: "1704240000" } },
        a: { json_value: "2" },
        b: { bool_value: true },
      },
    });
    const written = encode(root, "hotpath.api.Things", { id: 100, expressions_selected: { a: { int_value: 1 } } });
    const refused = await api.send("POST", "/things", { "content-type": "application/x-protobuf" }, written);
    assert.match(refused.text, /no field 4000 that can be written/);
    assert.match((await api.get("/things?select=id::nonsense", PROTOBUF)).text, /nonsense/);
    assert.equal((await api.get("/parts?select=id,...things(t)", PROTOBUF)).status, 406);
  });

  await t.test("the map is described as protoc would", async () => {
    const { bytes } = await api.get("/schema.proto", PROTOBUF);
    const [file] = fromBinary(FileDescriptorSetSchema, bytes).file;
    const things = file?.messageType.find(({ name }) => name === "Things");
    const field = things?.field.find(({ number }) => number === 4000);
    const entry = things?.nestedType.find(({ options }) => options?.mapEntry === true);
    assert.equal(field?.typeName, `.hotpath.api.Things.${entry?.name}`);
    // A column has its own name first.
    assert.equal(field?.name, "expressions_selected");
  });

  /** What is answered in Protobuf, said in the JSON of the same request. */
  async function assertAlike(path: string): Promise<void> {
    const asJson = (await api.json(path)) as Row | Row[];
    const { status, bytes } = await api.get(path, PROTOBUF);
    assert.equal(status, 200, bytes.toString());
    const rows = path.startsWith("/things/") ? [decode(root, "hotpath.api.Things", bytes)] : rowsOf(bytes);
    assert.deepEqual(rows.map(said), [asJson].flat().map(without));
  }

  function rowsOf(bytes: Buffer): Row[] {
    return (decode(root, "hotpath.api.Things.List", bytes)["rows"] ?? []) as Row[];
  }
});

/** Nearer to 0 a number cannot be said in 32 bits. */
function forReal(number: number): number {
  return Math.abs(number) < 1e-30 ? 0 : number;
}

/** A row's message as an object of texts. */
function said({ expressions_selected: worked = {}, expressions = worked, ...row }: Row): Row {
  const values = Object.entries(expressions as Record<string, Row>).map(([name, value]) => {
    const [kind, only] = Object.entries(value)[0] ?? [];
    return [name, kind === undefined ? undefined : valueOf(kind, only)];
  });
  const own = Object.entries(row).map(([name, value]) => [
    name,
    Array.isArray(value) ? value.map((each) => said(each as Row)) : value,
  ]);
  const { m, ...others } = Object.fromEntries([...own, ...values]) as Row;
  return without(m === undefined ? others : { ...others, m: (m as string).replace("MOOD_", "").toLowerCase() });
}

function valueOf(kind: string, value: unknown): unknown {
  if (kind === "json_value") return JSON.parse(String(value));
  if (kind === "timestamp_value") return moment(value as Row);
  return kind === "bytes_value" ? `\\x${Buffer.from(String(value), "base64").toString("hex")}` : value;
}

function moment({ seconds = "0", nanos = 0 }: Row): string {
  if (seconds === String(2n ** 63n - 1n)) return "infinity";
  return String(Number(seconds) * 1000 + Number(nanos) / 1e6);
}

/** Without nulls, numbers and truth values as texts, and times as milliseconds. */
function without(row: Row): Row {
  return Object.fromEntries(
    Object.entries(row)
      .filter(([, value]) => value !== null)
      .map(([name, value]) => [name, plain(value)]),
  );
}

function plain(value: unknown): unknown {
  if (Array.isArray(value))
    return value.map((each) => (typeof each === "object" && each !== null ? without(each as Row) : each));
  if (typeof value === "object") return value;
  if (typeof value === "string" && /^\d{4}-\d\d-\d\dT.*\+00:00$/.test(value))
    return String(Date.parse(value) + Number(/\.\d{3}(\d{3})/.exec(value)?.[1] ?? 0) / 1e3);
  const text = typeof value === "number" ? String(value) : typeof value === "string" ? value : JSON.stringify(value);
  const number = Number(text);
  return text !== "" && Number.isFinite(number) && String(number) !== text ? String(number) : text;
}
