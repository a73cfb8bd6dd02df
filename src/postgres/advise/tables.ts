import type { CatalogQuery } from "../catalog/catalog-query.ts";

/** A table as the advisor sees it. */
export interface TableFacts {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  readonly isPartitioned: boolean;
  readonly rows: number;
  readonly pages: number;
  /** Rows inserted, deleted, or changed in a way that reaches indexes, since the statistics began. */
  readonly changes: number;
  /** How often it was read, by an index or as a whole. */
  readonly reads: number;
  /** Rows deleted since then. */
  readonly deleted: number;
  readonly columns: ReadonlyMap<string, ColumnFacts>;
  readonly indexes: readonly IndexFacts[];
  readonly foreignKeys: readonly ForeignKey[];
  readonly primaryKey: readonly string[];
}

export interface ColumnFacts {
  /** Without length, e.g. `text`, `integer[]`. */
  readonly type: string;
  /** `A` for arrays, `S` for texts, `R` for ranges and so on (pg_type.typcategory). */
  readonly category: string;
  readonly width: number;
  /** Different values; undefined before the table was analysed. */
  readonly distinct: number | undefined;
}

export interface IndexFacts {
  readonly name: string;
  readonly method: string;
  readonly isUnique: boolean;
  /** It holds up a constraint, or tells replicas which row is meant. */
  readonly isNeeded: boolean;
  readonly isValid: boolean;
  /** As PostgreSQL writes them: columns or expressions. */
  readonly keys: readonly string[];
  readonly include: readonly string[];
  readonly where: string | null;
  /** Operator classes, collations and directions of the keys: equal texts mean equal orders. */
  readonly orders: readonly string[];
  readonly bytes: number;
  readonly scans: number;
}

export interface ForeignKey {
  readonly name: string;
  readonly columns: readonly string[];
  /** A key of `DatabaseFacts.tables`. */
  readonly references: string;
}

/** What the database says of itself. */
export interface DatabaseFacts {
  readonly tables: ReadonlyMap<string, TableFacts>;
  /** Names of partitions, with those of their outermost tables. */
  readonly partitions: ReadonlyMap<string, string>;
  readonly extensions: { readonly installed: ReadonlySet<string>; readonly available: ReadonlySet<string> };
  /** When use of indexes began to be counted; undefined: since the server was set up. */
  readonly countedSince: string | undefined;
  readonly randomPageCost: number;
  readonly version: number;
}

/** The key of `DatabaseFacts.tables`. */
export function tableName(schema: string, name: string): string {
  return `${schema}.${name}`;
}

/** Reads all tables but those of the system. */
export async function readFacts(query: CatalogQuery): Promise<DatabaseFacts> {
  const tables = new Map<string, TableFacts>();
  for (const [json] of await query(TABLES, [])) {
    const { columns, ...table } = JSON.parse(json ?? "{}") as Omit<TableFacts, "columns"> & {
      readonly columns: readonly (ColumnFacts & { readonly name: string; readonly stat: number | null })[];
    };
    tables.set(tableName(table.schema, table.name), {
      ...table,
      columns: new Map(
        columns.map(({ name, stat, ...column }) => [name, { ...column, distinct: distinctOf(stat, table.rows) }]),
      ),
    });
  }
  const [server = []] = await query(SERVER, []);
  const partitions = await query(PARTITIONS, []);
  return {
    tables,
    partitions: new Map(partitions.map(([partition, root]) => [partition ?? "", root ?? ""])),
    extensions: {
      installed: new Set((server[0] ?? "").split(",")),
      available: new Set((server[1] ?? "").split(",")),
    },
    countedSince: server[2] ?? undefined,
    randomPageCost: Number(server[3]),
    version: Number(server[4]),
  };
}

/** Negative numbers are shares of the rows (PostgreSQL documentation, pg_stats). */
function distinctOf(stat: number | null, rows: number): number | undefined {
  if (stat === null || stat === 0) return undefined;
  return Math.max(1, stat < 0 ? -stat * rows : stat);
}

/** What the advisor's own long question is known by among the statements of a database. */
export const OWN_COLUMN = "hotpath_advise_tables";

const NOT_SYSTEM =
  "n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast') and n.nspname not like 'pg\\_temp%'";

const TABLES = `
select json_build_object(
  'oid', c.oid::int8, 'schema', n.nspname, 'name', c.relname, 'isPartitioned', c.relkind = 'p',
  'rows', greatest(0, case c.relkind when 'p' then parts.rows else c.reltuples end),
  'pages', case c.relkind when 'p' then parts.pages else c.relpages end,
  'changes', coalesce(s.n_tup_ins + s.n_tup_del + s.n_tup_upd - s.n_tup_hot_upd, 0), 'deleted', coalesce(s.n_tup_del, 0),
  'reads', coalesce(s.seq_scan, 0) + coalesce(s.idx_scan, 0),
  'columns', (
    select coalesce(json_agg(json_build_object(
      'name', a.attname, 'type', format_type(t.oid, null), 'category', t.typcategory,
      'width', coalesce(st.avg_width, case when t.typlen > 0 then t.typlen else 16 end), 'stat', st.n_distinct)), '[]')
    from pg_attribute a
    join pg_type own on own.oid = a.atttypid
    join pg_type t on t.oid = case when own.typtype = 'd' then own.typbasetype else own.oid end
    left join pg_stats st on st.schemaname = n.nspname and st.tablename = c.relname and st.attname = a.attname and st.inherited = (c.relkind = 'p')
    where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped),
  'indexes', (
    select coalesce(json_agg(json_build_object(
      'name', ic.relname, 'method', am.amname, 'isUnique', i.indisunique, 'isValid', i.indisvalid,
      'isNeeded', i.indisprimary or i.indisreplident or i.indisexclusion
        or exists (select from pg_constraint k where k.conindid = i.indexrelid) or exists (select from pg_inherits h where h.inhrelid = i.indexrelid),
      'keys', (select json_agg(pg_get_indexdef(i.indexrelid, k, true) order by k) from generate_series(1, i.indnkeyatts) k),
      'include', (select coalesce(json_agg(pg_get_indexdef(i.indexrelid, k, true) order by k), '[]') from generate_series(i.indnkeyatts + 1, i.indnatts) k),
      'where', pg_get_expr(i.indpred, i.indrelid),
      'orders', (select json_agg(concat_ws(' ', i.indclass[k - 1], i.indcollation[k - 1], i.indoption[k - 1]) order by k) from generate_series(1, i.indnkeyatts) k),
      'bytes', pg_relation_size(i.indexrelid), 'scans', coalesce(u.idx_scan, 0)) order by ic.relname), '[]')
    from pg_index i
    join pg_class ic on ic.oid = i.indexrelid
    join pg_am am on am.oid = ic.relam
    left join pg_stat_user_indexes u on u.indexrelid = i.indexrelid
    where i.indrelid = c.oid),
  'foreignKeys', (
    select coalesce(json_agg(json_build_object('name', k.conname, 'references', (select fn.nspname || '.' || f.relname from pg_class f join pg_namespace fn on fn.oid = f.relnamespace where f.oid = k.confrelid), 'columns', (
      select json_agg(a.attname order by o) from unnest(k.conkey) with ordinality as u(num, o)
      join pg_attribute a on a.attrelid = c.oid and a.attnum = u.num)) order by k.conname), '[]')
    from pg_constraint k where k.conrelid = c.oid and k.contype = 'f'),
  'primaryKey', (
    select coalesce(json_agg(a.attname order by o), '[]') from pg_index i
    cross join unnest(i.indkey) with ordinality as u(num, o)
    join pg_attribute a on a.attrelid = c.oid and a.attnum = u.num
    where i.indrelid = c.oid and i.indisprimary))::text as ${OWN_COLUMN}
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
left join pg_stat_user_tables s on s.relid = c.oid
left join lateral (
  select sum(p.reltuples) as rows, sum(p.relpages) as pages from pg_partition_tree(c.oid) as tree
  join pg_class p on p.oid = tree.relid where tree.isleaf
) parts on c.relkind = 'p'
where c.relkind in ('r', 'p', 'm') and not c.relispartition and ${NOT_SYSTEM}`;

const PARTITIONS = `
select n.nspname || '.' || c.relname, rn.nspname || '.' || r.relname
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
join pg_class r on r.oid = pg_partition_root(c.oid)
join pg_namespace rn on rn.oid = r.relnamespace
where c.relispartition and c.relkind in ('r', 'p')`;

const SERVER = `
select (select string_agg(extname, ',') from pg_extension), (select string_agg(name, ',') from pg_available_extensions),
  (select to_char(stats_reset, 'YYYY-MM-DD HH24:MI') from pg_stat_database where datname = current_database()),
  current_setting('random_page_cost'), current_setting('server_version_num')`;
