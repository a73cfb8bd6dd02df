import * as fc from "fast-check";
import { escapeIdentifier } from "pg";

/** Schemas of a random database: exposed, on the extra search path, neither. */
export const SCHEMAS = ["api", "searched", "hidden"] as const;
type Schema = (typeof SCHEMAS)[number];

/** A foreign key to the primary key of table number `to`; columns by number. */
export interface RandomForeignKey {
  readonly name: string;
  readonly to: number;
  readonly columns: readonly number[];
}

export interface RandomTable {
  readonly schema: Schema;
  readonly name: string;
  readonly columns: readonly string[];
  /** Columns by number, in the order of the key. */
  readonly primaryKey: readonly number[];
  readonly unique: readonly number[];
  readonly foreignKeys: readonly RandomForeignKey[];
}

/** Over one or two relations, by number: tables come first, then the views before this one. */
export interface RandomView {
  readonly schema: Schema;
  readonly name: string;
  readonly kind: "view" | "materialized view";
  readonly form: "plain" | "union" | "filtered" | "nested";
  readonly sources: readonly number[];
  /** `column: null` is an expression. */
  readonly columns: readonly { readonly name: string; readonly source: number; readonly column: number | null }[];
}

export interface RandomDatabase {
  readonly tables: readonly RandomTable[];
  readonly views: readonly RandomView[];
}

/** Parts of names that mean something to SQL, JSON or the text of a node tree. */
const fragments = [
  '"',
  "'",
  " ",
  "{",
  "}",
  "(",
  ")",
  "\\",
  ":resno 1 ",
  "<>",
  ".",
  ",",
  "ü",
  "学",
  "\n",
  "\t",
  "[",
  "]",
  "$1",
  "a",
  "Z",
];
const noise = fc.array(fc.constantFrom(...fragments), { maxLength: 3 }).map((parts) => parts.join(""));
const number = fc.nat({ max: 1_000_000 });

const tableShape = fc.record({
  schema: fc.constantFrom<Schema>("api", "api", "hidden"),
  noise,
  columns: fc.array(noise, { minLength: 2, maxLength: 4 }),
  primaryKey: fc.array(number, { minLength: 1, maxLength: 3 }),
  unique: fc.array(number, { maxLength: 2 }),
  foreignKeys: fc.array(fc.record({ to: number, columns: fc.array(number, { minLength: 4, maxLength: 4 }) }), {
    maxLength: 3,
  }),
});
const viewShape = fc.record({
  schema: fc.constantFrom<Schema>("api", "api", "api", "searched", "hidden"),
  noise,
  kind: fc.constantFrom<RandomView["kind"]>("view", "view", "materialized view"),
  form: fc.constantFrom<RandomView["form"]>("plain", "plain", "filtered", "nested", "union"),
  sources: fc.array(number, { minLength: 1, maxLength: 2 }),
  columns: fc.array(fc.record({ noise, source: number, column: number, isExpression: fc.nat({ max: 7 }) }), {
    minLength: 1,
    maxLength: 6,
  }),
});

/** Databases of a few tables with keys that overlap, and views upon views. */
export const randomDatabase: fc.Arbitrary<RandomDatabase> = fc
  .record({
    tables: fc.array(tableShape, { minLength: 1, maxLength: 4 }),
    views: fc.array(viewShape, { maxLength: 5 }),
  })
  .map((shape) => {
    const tables: RandomTable[] = [];
    for (const [index, table] of shape.tables.entries()) tables.push(toTable(table, index, tables));
    const widths = tables.map(({ columns }) => columns.length);
    const views: RandomView[] = [];
    for (const [index, view] of shape.views.entries()) {
      const made = toView(view, index, widths);
      views.push(made);
      widths.push(made.columns.length);
    }
    return { tables, views };
  });

/** The statements that make the database anew. */
export function toSql({ tables, views }: RandomDatabase): string {
  const names = [...tables, ...views].map((one) => `${one.schema}.${escapeIdentifier(one.name)}`);
  const columns = [
    ...tables.map((table) => table.columns),
    ...views.map((view) => view.columns.map(({ name }) => name)),
  ];
  const list = (relation: number, numbers: readonly number[]) =>
    numbers.map((column) => escapeIdentifier(columns[relation]?.[column] ?? "")).join(", ");
  const makeTable = (table: RandomTable, index: number) => [
    `create table ${names[index]} (${table.columns.map((column) => `${escapeIdentifier(column)} int`).join(", ")})`,
    `alter table ${names[index]} add primary key (${list(index, table.primaryKey)})`,
    ...(table.unique.length > 0 ? [`alter table ${names[index]} add unique (${list(index, table.unique)})`] : []),
    ...table.foreignKeys.map(
      ({ name, to, columns: own }) =>
        `alter table ${names[index]} add constraint ${escapeIdentifier(name)}
        foreign key (${list(index, own)}) references ${names[to]} (${list(to, tables[to]?.primaryKey ?? [])})`,
    ),
  ];
  const makeView = (view: RandomView, index: number) => {
    const from = view.sources.map((source, place) => {
      const rows = view.form === "nested" ? `(select * from ${names[source]} where true)` : names[source];
      return `${rows} as s${place}`;
    });
    const shown = view.columns.map(({ name, source, column }) => {
      const value = column === null ? "(select 1 + 1)" : `s${source}.${list(view.sources[source] ?? 0, [column])}`;
      return `${value} as ${escapeIdentifier(name)}`;
    });
    const select = `select ${shown.join(", ")} from ${from.join(" cross join ")}`;
    const where = ` where exists (select 1 as x from ${names[0]} as o) and (select count(*) from ${names[0]}) >= 0`;
    const query = { plain: select, nested: select, union: `${select} union all ${select}`, filtered: select + where };
    return `create ${view.kind} ${names[tables.length + index]} as ${query[view.form]}`;
  };
  return [
    ...SCHEMAS.flatMap((schema) => [`drop schema if exists ${schema} cascade`, `create schema ${schema}`]),
    ...tables.flatMap(makeTable),
    ...views.map(makeView),
  ].join(";\n");
}

type Shape<T> = T extends fc.Arbitrary<infer V> ? V : never;

function toTable(shape: Shape<typeof tableShape>, index: number, before: readonly RandomTable[]): RandomTable {
  const columns = shape.columns.map((text, column) => `${text}c${column}`);
  const distinct = (numbers: readonly number[]) => [...new Set(numbers.map((n) => n % columns.length))];
  const primaryKey = distinct(shape.primaryKey);
  const foreignKeys = shape.foreignKeys.flatMap(({ to, columns: numbers }, place) => {
    const target = to % (index + 1);
    const width = (target === index ? primaryKey : (before[target]?.primaryKey ?? [])).length;
    const own = distinct(numbers).slice(0, width);
    // Names repeat from table to table, as those that PostgreSQL makes up do not but those of people do.
    return own.length === width ? [{ name: `key ${place}`, to: target, columns: own }] : [];
  });
  return {
    schema: shape.schema,
    name: `${shape.noise}t${index}`,
    columns,
    primaryKey,
    unique: distinct(shape.unique),
    foreignKeys,
  };
}

function toView(shape: Shape<typeof viewShape>, index: number, widths: readonly number[]): RandomView {
  const sources = shape.sources.map((n) => n % widths.length);
  const columns = shape.columns.map(({ noise: text, source, column, isExpression }, place) => {
    const chosen = source % sources.length;
    const width = widths[sources[chosen] ?? 0] ?? 1;
    return { name: `${text}v${place}`, source: chosen, column: isExpression === 0 ? null : column % width };
  });
  return {
    schema: shape.schema,
    name: `${shape.noise}w${index}`,
    kind: shape.kind,
    form: shape.form,
    sources,
    columns,
  };
}
