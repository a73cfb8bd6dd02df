import * as fc from "fast-check";

/** Texts that break naive quoting somewhere: SQL, JSON, CSV, arrays, URLs, the dialect's own grammar. */
export const NASTY_TEXTS = [
  "",
  " ",
  "plain",
  "Plain",
  "a,b",
  'say "hi"',
  "it's",
  "back\\slash",
  "(brackets)",
  "{braces}",
  "null",
  "NULL",
  "%",
  "_",
  "a*b",
  "a%b",
  "*",
  "eq.1",
  "not.eq.x",
  "in.(a,b)",
  "a.b",
  "a:b",
  "a&b=c",
  "a+b",
  "tab\there",
  "line\nbreak",
  "größe",
  "日本語",
  "🎉 emoji",
  "'; drop table things; --",
  "$1",
  "::int",
  "1",
  "true",
  "\u{feff}bom",
  "e\u0301",
] as const;

export const THINGS = `
  create type mood as enum ('sad', 'so so', 'happy');
  create domain positive as int check (value > 0);
  create table things (
    id int primary key, label text, amount int, big bigint, price numeric(12,3), ratio float8, flag boolean, feeling mood,
    born date, seen timestamptz, local timestamp, tags text[], numbers int[], data jsonb, span int4range, uid uuid, rank positive, "Odd ""name"", 100%" text
  );
  insert into things
  select n,
    case when n % 9 = 0 then null else ($1::text[])[1 + n % cardinality($1::text[])] end,
    case when n % 7 = 0 then null else n % 5 - 2 end,
    9007199254740993 + n, (n % 13 - 6) * 1.125, case n % 10 when 0 then null when 1 then 'NaN' when 2 then 'Infinity' else n / 3.0 end,
    case n % 3 when 0 then null when 1 then true else false end,
    (array['sad', 'so so', 'happy', null]::mood[])[1 + n % 4],
    date '2020-02-27' + n % 6, timestamptz '2024-03-10 01:59:59.999995+00' + n % 8 * interval '1 microsecond',
    timestamp '2024-03-10 01:59:59.5' + n % 4 * interval '1 hour',
    case when n % 6 = 0 then null else ($1::text[])[1 + n % 20 : 2 + n % 20 + n % 3] end, array[n % 4, n % 3],
    case when n % 8 = 0 then null else jsonb_build_object('n', n % 5, 'text', ($1::text[])[1 + n % cardinality($1::text[])], 'list', jsonb_build_array(n % 3, 'x'), 'in', jsonb_build_object('ner', n % 2)) end,
    case when n % 11 = 0 then null else int4range(n % 10, n % 10 + n % 4) end,
    md5((n % 12)::text)::uuid, 1 + n % 4, ($1::text[])[cardinality($1::text[]) - n % 7]
  from generate_series(1, 120) n`;

/** A condition as the dialect writes it and as plain SQL has it; \`?\` stands for the value. */
export interface Condition {
  readonly column: string;
  /** The SQL expression that the column means. */
  readonly left: string;
  readonly operator: string;
  readonly operand: string;
  readonly sql: string;
  readonly value: unknown;
  readonly negated: boolean;
}

const text = fc.constantFrom(...NASTY_TEXTS);
const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;
const ODD = 'Odd "name", 100%';

interface Domain {
  readonly column: string;
  readonly type: string;
  readonly values: fc.Arbitrary<string>;
}

const DOMAINS: readonly Domain[] = [
  { column: "id", type: "int", values: fc.integer({ min: -1, max: 121 }).map(String) },
  { column: "label", type: "text", values: text },
  { column: "amount", type: "int", values: fc.integer({ min: -3, max: 3 }).map(String) },
  {
    column: "big",
    type: "bigint",
    values: fc.integer({ min: 0, max: 120 }).map((n) => String(9007199254740993n + BigInt(n))),
  },
  { column: "price", type: "numeric", values: fc.integer({ min: -6, max: 6 }).map((n) => String(n * 1.125)) },
  { column: "ratio", type: "float8", values: fc.constantFrom("NaN", "Infinity", "1", "3.3333333333333335", "-1e300") },
  { column: "flag", type: "boolean", values: fc.constantFrom("true", "false", "t", "f") },
  { column: "feeling", type: "mood", values: fc.constantFrom("sad", "so so", "happy") },
  { column: "born", type: "date", values: fc.integer({ min: 1, max: 9 }).map((n) => `2020-03-0${n}`) },
  {
    column: "seen",
    type: "timestamptz",
    values: fc.integer({ min: 0, max: 9 }).map((n) => `2024-03-10 02:00:00.00000${n}+00`),
  },
  { column: "local", type: "timestamp", values: fc.integer({ min: 1, max: 6 }).map((n) => `2024-03-10T0${n}:59:59.5`) },
  {
    column: "uid",
    type: "uuid",
    values: fc.constantFrom("c4ca4238a0b923820dcc509a6f75849b", "cfcd2084-95d5-65ef-66e7-dff9f98764da"),
  },
  { column: "rank", type: "int", values: fc.integer({ min: 0, max: 5 }).map(String) },
  { column: ODD, type: "text", values: text },
  {
    column: "numbers",
    type: "int[]",
    values: fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 3 }).map((n) => `{${n.join(",")}}`),
  },
  {
    column: "span",
    type: "int4range",
    values: fc.tuple(fc.nat(9), fc.nat(5)).map(([from, n]) => `[${from},${from + n})`),
  },
];

const COMPARISONS = { eq: "=", neq: "<>", gt: ">", gte: ">=", lt: "<", lte: "<=" } as const;
const RANGES = { cs: "@>", cd: "<@", ov: "&&", sl: "<<", sr: ">>", nxr: "&<", nxl: "&>", adj: "-|-" } as const;
const ARRAYS = { cs: "@>", cd: "<@", ov: "&&" } as const;

const names = <T extends object>(of: T): fc.Arbitrary<keyof T & string> =>
  fc.constantFrom(...(Object.keys(of) as (keyof T & string)[]));

/** An array as PostgreSQL reads it. */
const arrayText = (values: readonly string[]): string =>
  `{${values.map((value) => `"${value.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`).join(",")}}`;
/** A list as the dialect reads it. */
const listText = (values: readonly string[]): string =>
  `(${values.map((value) => (/^[\w-]+$/.test(value) ? value : `"${value.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`)).join(",")})`;

type Part = Omit<Condition, "negated">;
const on = ({ column }: { column: string }): Pick<Part, "column" | "left"> => ({
  column,
  left: `things.${quoted(column)}`,
});

const compare: fc.Arbitrary<Part> = fc.constantFrom(...DOMAINS).chain((domain) =>
  fc.tuple(names(COMPARISONS), domain.values).map(([operator, value]) => ({
    ...on(domain),
    operator,
    operand: value,
    sql: `${COMPARISONS[operator]} ?::${domain.type}`,
    value,
  })),
);

const quantified: fc.Arbitrary<Part> = fc.constantFrom(...DOMAINS.slice(0, 14)).chain((domain) =>
  fc
    .tuple(
      fc.constantFrom("eq", "gt", "gte", "lt", "lte"),
      fc.constantFrom("any", "all"),
      fc.array(domain.values, { minLength: 1, maxLength: 4 }),
    )
    .map(([operator, word, values]) => ({
      ...on(domain),
      operator: `${operator}(${word})`,
      operand: arrayText(values),
      sql: `${COMPARISONS[operator as "eq"]} ${word} (?::${domain.type}[])`,
      value: values,
    })),
);

const list: fc.Arbitrary<Part> = fc.constantFrom(...DOMAINS.slice(0, 14)).chain((domain) =>
  fc.array(domain.values, { minLength: 1, maxLength: 5 }).map((values) => {
    const isEmpty = values.length === 1 && values[0] === "";
    return {
      ...on(domain),
      operator: "in",
      operand: listText(values),
      sql: `= any (?::${domain.type}[])`,
      value: isEmpty ? [] : values,
    };
  }),
);

const pattern: fc.Arbitrary<Part> = fc
  .tuple(
    fc.constantFrom("like", "ilike"),
    fc.constantFrom("label", ODD),
    fc.tuple(fc.constantFrom("", "*"), text, fc.constantFrom("", "*")),
  )
  .map(([operator, column, parts]) => {
    // A pattern that ends with a backslash is an error.
    const value = parts.join("").replaceAll("\\", "");
    return { ...on({ column }), operator, operand: value, sql: `${operator} ?`, value: value.replaceAll("*", "%") };
  });

const is: fc.Arbitrary<Part> = fc
  .tuple(
    fc.constantFrom("label", "flag", "data", "tags", "ratio"),
    fc.constantFrom("null", "not_null", "NULL", "true", "false", "unknown"),
  )
  .map(([column, word]) => ({
    ...on({ column: /^(true|false|unknown)$/.test(word) ? "flag" : column }),
    operator: "is",
    operand: word,
    sql: `is ${word.replace("_", " ")}`,
    value: undefined,
  }));

const distinct: fc.Arbitrary<Part> = fc.tuple(fc.constantFrom("label", "amount"), text).map(([column, value]) => {
  const operand = column === "label" ? value : "1";
  return {
    ...on({ column }),
    operator: "isdistinct",
    operand,
    sql: `is distinct from ?::${column === "label" ? "text" : "int"}`,
    value: operand,
  };
});

const ranges: fc.Arbitrary<Part> = fc.tuple(names(RANGES), DOMAINS[15]!.values).map(([operator, value]) => ({
  ...on({ column: "span" }),
  operator,
  operand: value,
  sql: `${RANGES[operator]} ?::int4range`,
  value,
}));

const arrays: fc.Arbitrary<Part> = fc
  .tuple(names(ARRAYS), fc.array(text, { maxLength: 3 }))
  .map(([operator, values]) => ({
    ...on({ column: "tags" }),
    operator,
    operand: arrayText(values),
    sql: `${ARRAYS[operator]} ?::text[]`,
    value: values,
  }));

const json: fc.Arbitrary<Part> = fc
  .constantFrom(
    { column: "data->>text", left: "things.data->>'text'" },
    { column: "data->list->>1", left: "things.data->'list'->>1" },
    { column: "data->list->>-2", left: "things.data->'list'->>-2" },
    { column: "data->in->>ner", left: "things.data->'in'->>'ner'" },
    { column: "numbers->>0", left: "to_jsonb(things.numbers)->>0" },
  )
  .chain((at) =>
    fc
      .tuple(fc.constantFrom("eq", "neq", "gt"), fc.oneof(text, fc.constantFrom("0", "1", "x")))
      .map(([operator, value]) => ({
        ...at,
        operator,
        operand: value,
        sql: `${COMPARISONS[operator as "eq"]} ?`,
        value,
      })),
  );

export const condition: fc.Arbitrary<Condition> = fc
  .tuple(fc.oneof(compare, quantified, list, pattern, is, distinct, ranges, arrays, json), fc.boolean())
  .map(([part, negated]) => ({ ...part, negated }));

export type Logic =
  | Condition
  | { readonly join: "and" | "or"; readonly negated: boolean; readonly children: readonly Logic[] };

export const logic: fc.Arbitrary<Logic> = fc.letrec<{ tree: Logic }>((tie) => ({
  tree: fc.oneof(
    { depthSize: "small" },
    condition,
    fc.record({
      join: fc.constantFrom("and" as const, "or" as const),
      negated: fc.boolean(),
      children: fc.array(tie("tree"), { minLength: 1, maxLength: 3 }),
    }),
  ),
})).tree;

/** Columns with a total order of their own. */
export const ORDERABLE = [
  "label",
  "amount",
  "big",
  "price",
  "ratio",
  "flag",
  "feeling",
  "born",
  "seen",
  "local",
  "tags",
  "numbers",
  "data",
  "span",
  "uid",
  ODD,
] as const;
export const ALL_COLUMNS = ["id", ...ORDERABLE, "rank"] as const;

export interface OrderTerm {
  readonly column: (typeof ORDERABLE)[number];
  readonly direction: "" | "asc" | "desc";
  readonly nulls: "" | "first" | "last";
}

export const order: fc.Arbitrary<readonly OrderTerm[]> = fc.array(
  fc.record({
    column: fc.constantFrom(...ORDERABLE),
    direction: fc.constantFrom("" as const, "asc" as const, "desc" as const),
    nulls: fc.constantFrom("" as const, "first" as const, "last" as const),
  }),
  { maxLength: 3 },
);

/** A name as the dialect's grammar takes it. */
export function nameText(name: string): string {
  return /^[\w$]+$/.test(name) ? name : `"${name.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
}

export function orderText(terms: readonly OrderTerm[], key: string): string {
  const words = terms.map(({ column, direction, nulls }) =>
    [nameText(column), direction, nulls && `nulls${nulls}`].filter((word) => word !== "").join("."),
  );
  return [...words, key].join(",");
}

export function orderSql(terms: readonly OrderTerm[], key: string): string {
  const words = terms.map(
    ({ column, direction, nulls }) => `${quoted(column)} ${direction} ${nulls && `nulls ${nulls}`}`,
  );
  return [...words, key].join(", ");
}

/** `name=value` of a condition at the top of a request. */
export function conditionText({ column, operator, operand, negated }: Condition): string {
  const name = column.includes("->") ? column : nameText(column);
  return `${encodeURIComponent(name)}=${encodeURIComponent(`${negated ? "not." : ""}${operator}.${operand}`)}`;
}

/** A condition inside `and(…)` and `or(…)`, where values with reserved characters are quoted. */
export function logicText(node: Logic): string {
  const not = node.negated ? "not." : "";
  if ("join" in node) return `${not}${node.join}(${node.children.map(logicText).join(",")})`;
  const name = node.column.includes("->") ? node.column : nameText(node.column);
  const isBare = /^[\w-]+$/.test(node.operand) || node.operator === "in" || node.operator === "is";
  const value = isBare ? node.operand : `"${node.operand.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
  return `${name}.${not}${node.operator}.${value}`;
}

/** The same as SQL, its values as parameters. */
export function logicSql(node: Logic, values: unknown[]): string {
  const not = node.negated ? "not " : "";
  if ("join" in node) return `${not}(${node.children.map((child) => logicSql(child, values)).join(` ${node.join} `)})`;
  const sql = node.sql.replace("?", () => `$${values.push(node.value)}`);
  return `${not}(${node.left} ${sql})`;
}
