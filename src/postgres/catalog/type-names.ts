import { jsonRows } from "./json-rows.ts";

/** A row of `pg_type`, with what a column of it inherits. */
export type TypeRow = readonly [
  oid: number,
  name: string,
  kind: string,
  category: string,
  base: number,
  baseModifier: number,
  notNull: boolean,
  schema: string,
  typeName: string,
  relation: number,
  default_: string | null,
  enumLabels: readonly string[] | null,
  enumCreated: readonly string[] | null,
];

/** Every type that columns, parameters and results use, all domains, and what those rest on. */
export const typesSql = jsonRows(
  [
    "t.oid::int8",
    "format_type(t.oid, null)",
    "t.typtype",
    "t.typcategory",
    "t.typbasetype::int8",
    "t.typtypmod",
    "t.typnotnull",
    "n.nspname",
    "t.typname",
    "t.typrelid::int8",
    "case when t.typtype = 'd' then pg_get_expr(t.typdefaultbin, 0) end",
    `case when t.typtype = 'e' then (
      select json_agg(e.enumlabel order by e.enumsortorder) from pg_enum e where e.enumtypid = t.oid
    ) end`,
    // Labels are renamed and put before others, but never taken away: in the order of their making each keeps its place.
    `case when t.typtype = 'e' then (
      select json_agg(e.enumlabel order by e.oid) from pg_enum e where e.enumtypid = t.oid
    ) end`,
  ],
  "from used_type u join pg_type t using (oid) join pg_namespace n on n.oid = t.typnamespace",
  "t.oid",
);

/** A type by what the rest of the catalog asks of it. */
export interface PgType {
  readonly oid: number;
  /** As `format_type` spells it with an empty search path. */
  readonly name: string;
  readonly schema: string;
  readonly typeName: string;
  readonly category: string;
  readonly isDomain: boolean;
  readonly isComposite: boolean;
  readonly notNull: boolean;
  readonly default: string | null;
  readonly enumLabels: readonly string[];
  /** The same in the order of their making. */
  readonly enumCreated: readonly string[];
  /** `oid` of the relation or stand-alone composite type whose rows these are, else 0. */
  readonly relation: number;
  /** For a domain: what it is over, else 0. */
  readonly directBase: number;
  readonly directBaseModifier: number;
}

/** Types by `oid`, and the end of a chain of domains. */
export interface PgTypes {
  get(oid: number): PgType;
  base(oid: number): PgType;
}

/** Indexes the types. An `oid` that is not among them yields a type named `???`, as PostgreSQL itself writes. */
export function assembleTypes(rows: readonly TypeRow[]): PgTypes {
  const types = new Map(rows.map((row) => [row[0], toType(row)]));
  const get = (oid: number) =>
    types.get(oid) ?? toType([oid, "???", "b", "U", 0, -1, false, "", "???", 0, null, null, null]);
  return {
    get,
    base(oid) {
      let type = get(oid);
      while (type.isDomain) type = get(type.directBase);
      return type;
    },
  };
}

/** Longest value of a character or bit type with this modifier, or `null` where the type sets no limit. */
export function maxLength(typeOid: number, modifier: number): number | null {
  if (modifier === -1) return null;
  if (typeOid === 1042 || typeOid === 1043) return modifier - 4;
  return typeOid === 1560 || typeOid === 1562 ? modifier : null;
}

function toType(row: TypeRow): PgType {
  const [
    oid,
    name,
    kind,
    category,
    base,
    baseModifier,
    notNull,
    schema,
    typeName,
    relation,
    default_,
    labels,
    created,
  ] = row;
  return {
    oid,
    name,
    schema,
    typeName,
    category,
    isDomain: kind === "d",
    isComposite: kind === "c",
    notNull,
    default: default_,
    enumLabels: labels ?? [],
    enumCreated: created ?? [],
    relation,
    directBase: base,
    directBaseModifier: baseModifier,
  };
}
