import * as fc from "fast-check";

/** A column of every type that PostgreSQL has, and how values of it are made. */
export const COLUMNS: readonly (readonly [name: string, type: string, values: fc.Arbitrary<unknown>])[] = [
  ["b", "boolean", fc.boolean()],
  ["i2", "smallint", fc.integer({ min: -32_768, max: 32_767 })],
  ["i4", "integer", fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })],
  ["i8", "bigint", fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String)],
  ["o", "oid", fc.integer({ min: 0, max: 2 ** 32 - 1 })],
  ["f4", "real", fc.oneof(fc.float({ noNaN: true, noDefaultInfinity: true }).map(positive), specials())],
  ["f8", "double precision", fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }).map(positive), specials())],
  ["n", "numeric", fc.oneof(decimals(), specials(), fc.constantFrom("1e400", "-1e-400", "1e4000"))],
  ["n2", "numeric(20,5)", fc.integer().map((value) => String(value / 1000))],
  ["t", "text", texts()],
  ["v", "varchar(20)", texts(20)],
  ["c", "character(5)", fc.string({ unit: letters(), minLength: 5, maxLength: 5 })],
  ["c1", '"char"', letters()],
  ["na", "name", fc.string({ unit: letters(), maxLength: 60 })],
  ["u", "uuid", fc.uuid()],
  ["by", "bytea", fc.uint8Array({ maxLength: 80 }).map((bytes) => `\\x${Buffer.from(bytes).toString("hex")}`)],
  ["j", "json", fc.jsonValue({ maxDepth: 3 }).filter(isStorable)],
  ["jb", "jsonb", fc.jsonValue({ maxDepth: 3 }).filter(isStorable)],
  [
    "d",
    "date",
    fc.oneof(dates(), fc.constantFrom("infinity", "-infinity", "0044-03-15 BC", "0001-01-01", "99999-12-31")),
  ],
  ["ti", "time", times()],
  ["tz", "timetz", times().map((time) => `${time}+03:30`)],
  ["ts", "timestamp", moments(["infinity", "-infinity", "0044-03-15T10:00:00.5 BC", "294276-12-31T23:59:59.999999"])],
  [
    "tsz",
    "timestamptz",
    moments([
      "infinity",
      "-infinity",
      "0044-03-15T10:00:00.5+00 BC",
      "294276-12-31T23:59:59.999999Z",
      "1600-02-29T00:00:00.000001+00",
    ]),
  ],
  ["iv", "interval", fc.integer({ min: -1e6, max: 1e6 }).map((seconds) => `${seconds} seconds`)],
  ["m", "money", fc.integer({ min: -1e6, max: 1e6 }).map((cents) => (cents / 100).toFixed(2))],
  ["bi", "bit(3)", fc.constantFrom("101", "000")],
  ["vb", "bit varying", fc.constantFrom("10101", "")],
  ["ip", "inet", fc.ipV4()],
  ["ci", "cidr", fc.constantFrom("10.0.0.0/8", "2001:db8::/32")],
  ["mac", "macaddr", fc.constantFrom("08:00:2b:01:02:03")],
  ["mac8", "macaddr8", fc.constantFrom("08:00:2b:01:02:03:04:05")],
  ["x", "xml", fc.constantFrom("<a>1</a>", "<b/>")],
  ["p", "point", fc.constantFrom("(1,2)", "(-1.5,0)")],
  ["ln", "line", fc.constantFrom("{1,2,3}")],
  ["ls", "lseg", fc.constantFrom("[(0,0),(1,1)]")],
  ["bx", "box", fc.constantFrom("(1,1),(0,0)")],
  ["pa", "path", fc.constantFrom("[(0,0),(1,1)]", "((0,0),(1,1),(2,0))")],
  ["po", "polygon", fc.constantFrom("((0,0),(1,1),(2,0))")],
  ["cr", "circle", fc.constantFrom("<(0,0),2.5>")],
  ["tv", "tsvector", fc.constantFrom("'a':1 'b':2")],
  ["tq", "tsquery", fc.constantFrom("'a' & !'b'")],
  ["jp", "jsonpath", fc.constantFrom('$."a"[*]?(@ > 1)')],
  ["lsn", "pg_lsn", fc.constantFrom("16/B374D848")],
  ["ps", "pg_snapshot", fc.constantFrom("10:20:10,14,15")],
  ["tx", "txid_snapshot", fc.constantFrom("10:20:10,14,15")],
  ["xi", "xid", fc.constantFrom("12345")],
  ["xi8", "xid8", fc.constantFrom("12345678901")],
  ["cid", "cid", fc.constantFrom("7")],
  ["tid", "tid", fc.constantFrom("(1,2)")],
  ["rc", "refcursor", fc.constantFrom("some cursor")],
  ["i2v", "int2vector", fc.constantFrom("1 2 3", "")],
  ["ov", "oidvector", fc.constantFrom("1 2 3")],
  ["acl", "aclitem", fc.constantFrom("=r/postgres")],
  ["rp", "regproc", fc.constantFrom("now")],
  ["rpe", "regprocedure", fc.constantFrom("abs(integer)")],
  ["ro", "regoper", fc.constantFrom("!!")],
  ["roe", "regoperator", fc.constantFrom("+(integer,integer)")],
  ["rcl", "regclass", fc.constantFrom("pg_class")],
  ["rty", "regtype", fc.constantFrom("integer", "text[]")],
  ["rco", "regcollation", fc.constantFrom('"C"')],
  ["rcf", "regconfig", fc.constantFrom("simple")],
  ["rd", "regdictionary", fc.constantFrom("simple")],
  ["rr", "regrole", fc.constantFrom("pg_monitor")],
  ["rns", "regnamespace", fc.constantFrom("public")],
  ["r8", "int8range", fc.constantFrom("[-9223372036854775808,1)")],
  ["rd1", "daterange", fc.constantFrom("[2024-01-01,infinity)", "empty")],
  ["rts", "tsrange", fc.constantFrom('["2024-01-01 00:00:00",)')],
  ["r4", "int4range", fc.constantFrom("[1,10)", "empty", "(,)", "[5,)")],
  ["rn", "numrange", fc.constantFrom("[1.5,2.5]", "(,3)")],
  ["rt", "tstzrange", fc.constantFrom('["2024-01-01 00:00:00+00","2024-02-01 00:00:00+00")')],
  ["mr", "int4multirange", fc.constantFrom("{[1,3),[5,8)}", "{}")],
  ["m8", "int8multirange", fc.constantFrom("{[1,3)}")],
  ["mn", "nummultirange", fc.constantFrom("{[1.5,2.5],(3,)}")],
  ["md", "datemultirange", fc.constantFrom("{[2024-01-01,2024-02-01)}")],
  ["mts", "tsmultirange", fc.constantFrom('{["2024-01-01 00:00:00","2024-02-01 00:00:00")}')],
  ["mtz", "tstzmultirange", fc.constantFrom('{["2024-01-01 00:00:00+00",)}')],
  ["ow", "floats", fc.constantFrom("[1.5,2.5)", "empty")],
  ["e", "mood", fc.constantFrom("happy", "sad", "so-so", "großartig")],
  ["dm", "positive", fc.integer({ min: 1, max: 1000 })],
  ["da", "few", arrays(fc.integer({ min: -9, max: 9 }))],
  ["dc", "home", fc.record({ street: texts(9), No: fc.integer({ min: 0, max: 99 }) })],
  ["de", "state", fc.constantFrom("happy", "sad")],
  ["adm", "positive[]", arrays(fc.integer({ min: 1, max: 9 }))],
  ["ax", "odd[]", fc.array(fc.record({ span: fc.constantFrom("[1,5)", "empty"), n: decimals() }), { maxLength: 2 })],
  ["am", "money[]", arrays(fc.constantFrom("1.00", "-2.50"))],
  ["aiv", "interval[]", arrays(fc.constantFrom("1 day", "-00:00:01"))],
  ["al", "integer[]", fc.constantFrom("[2:4]={1,2,3}", "[0:0][5:6]={{1,NULL}}")],
  ["dt", "label", fc.string({ unit: letters(), maxLength: 9 })],
  [
    "co",
    "address",
    fc.record({ street: texts(9), No: fc.integer({ min: 0, max: 99 }), built: dates(), tags: fc.array(letters()) }),
  ],
  [
    "cx",
    "odd",
    fc.record({
      span: fc.constantFrom("[1,5)", "empty"),
      n: decimals(),
      at: moments([]),
      big: fc.bigInt({ min: 0n, max: 2n ** 62n }).map(String),
      home: fc.record({ street: texts(5) }),
    }),
  ],
  ["ab", "boolean[]", arrays(fc.boolean())],
  ["ai", "integer[]", arrays(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }))],
  ["a8", "bigint[]", arrays(fc.integer())],
  ["af", "double precision[]", arrays(fc.double({ noNaN: true, noDefaultInfinity: true }).map(positive))],
  ["an", "numeric[]", arrays(decimals())],
  ["at", "text[]", arrays(texts(9))],
  ["au", "uuid[]", arrays(fc.uuid())],
  ["aby", "bytea[]", arrays(fc.constantFrom("\\x00ff", "\\x"))],
  ["aj", "jsonb[]", arrays(fc.constantFrom({ a: [1] }, 5, "x"))],
  ["ad", "date[]", arrays(dates())],
  ["ats", "timestamptz[]", arrays(moments([]))],
  ["ae", "mood[]", arrays(fc.constantFrom("happy", "großartig"))],
  ["ar", "int4range[]", arrays(fc.constantFrom("[1,10)", "empty"))],
  ["ac", "address[]", arrays(fc.record({ street: texts(9), No: fc.integer({ min: 0, max: 99 }) }))],
];

/** Tables with all of them. */
export const EVERY_TYPE = `
  set timezone = 'UTC';
  create type mood as enum ('happy', 'sad');
  alter type mood add value 'so-so' before 'sad';
  alter type mood add value 'großartig';
  create domain positive as integer check (value > 0);
  create domain label as text;
  create domain few as integer[];
  create domain state as mood;
  create type floats as range (subtype = float8);
  create type address as (street text, gone integer, "No" integer, built date, tags text[]);
  alter type address drop attribute gone;
  create type odd as (span int4range, n numeric, at timestamptz, big bigint, home address);
  create domain home as address;
  create table every_type (id integer primary key, ${COLUMNS.map(([name, type]) => `${name} ${type}`).join(", ")});
  create table every_type_again (like every_type including all);`;

export type Row = Record<string, unknown>;

export const NAMES = COLUMNS.map(([name]) => name);
export const ROW = fc.record(
  Object.fromEntries(COLUMNS.map(([name, , values]) => [name, fc.option(values, { freq: 4 })])),
);
function positive(value: number): number {
  return Object.is(value, -0) ? 0 : value;
}

function specials(): fc.Arbitrary<unknown> {
  return fc.constantFrom("NaN", "Infinity", "-Infinity");
}

function decimals(): fc.Arbitrary<string> {
  return fc
    .tuple(fc.bigInt({ min: -(10n ** 40n), max: 10n ** 40n }), fc.integer({ min: 0, max: 45 }))
    .map(([digits, exponent]) => `${digits}e-${exponent}`);
}

function letters(): fc.Arbitrary<string> {
  return fc.constantFrom("a", "b", "c", "x", "Y", "Z", "1", "2");
}

function texts(maxLength = 200): fc.Arbitrary<string> {
  return fc
    .string({ unit: "binary", maxLength })
    .map((text) => text.replaceAll("\0", "").slice(0, maxLength))
    .filter((text) => text.isWellFormed());
}

function isStorable(value: unknown): boolean {
  const text = JSON.stringify(value);
  // PostgreSQL's jsonb has no NUL, and a null at the top means no value at all.
  return (
    value !== null &&
    !text.includes("\\u0000") &&
    !/\\ud[89a-f]/.test(text) &&
    !/e[+-]?\d{3}/.test(text) &&
    !text.includes("-0")
  );
}

function dates(): fc.Arbitrary<string> {
  const range = { min: new Date("0001-01-01"), max: new Date("9999-12-31"), noInvalidDate: true };
  return fc.date(range).map((date) => date.toISOString().slice(0, 10));
}

function times(): fc.Arbitrary<string> {
  return fc.oneof(
    fc
      .date({ noInvalidDate: true, min: new Date(0), max: new Date(86_399_999) })
      .map((date) => date.toISOString().slice(11, 23)),
    fc.constantFrom("24:00:00", "00:00:00.000001"),
  );
}

function moments(more: readonly string[]): fc.Arbitrary<string> {
  const range = { min: new Date("0001-01-02"), max: new Date("9999-12-30"), noInvalidDate: true };
  const usual = fc.date(range).map((date) => date.toISOString());
  return more.length === 0 ? usual : fc.oneof(usual, fc.constantFrom(...more));
}

/** Empty ones, those with nulls and those of two dimensions, too. */
function arrays(element: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  return fc.oneof(
    fc.array(element, { maxLength: 4 }),
    fc.array(fc.option(element), { maxLength: 3 }),
    fc.array(fc.tuple(element, element), { minLength: 1, maxLength: 3 }),
  );
}
