import { Client, escapeIdentifier } from "pg";
import { HotpathError } from "../errors.ts";
import { type RowStep, shopRows, shopSize } from "./shop-rows.ts";
import {
  CREATE_SHOP_SQL,
  DROP_SHOP_SQL,
  FINISH_SQL,
  INDEX_STATEMENTS,
  MARKER_SQL,
  SHOP_TABLES,
  SHOP_VERSION,
} from "./shop-schema.ts";

/** How far a load is. */
export interface LoadProgress {
  /** What is being made, e.g. `orders`. */
  readonly step: string;
  /** Rows and other work done, of `total`. */
  readonly done: number;
  readonly total: number;
}

export interface ShopOptions {
  /** 1, the default, means 10,000 users and 100,000 orders. */
  readonly scale?: number;
  readonly onProgress?: (progress: LoadProgress) => void;
}

/** Rows of one statement: enough to be fast, few enough for a progress bar that moves. */
const CHUNK_ROWS = 10_000;
/** What an index counts for in the progress, as rows per order. */
const INDEX_WEIGHT = 0.04;
const CONNECT_TIMEOUT_MS = 20_000;
/** Key of the advisory lock that keeps two loads of one database apart. */
const LOAD_LOCK = 0x68_70_73;

/**
 * Fills a database with the demonstration shop: the same rows at the same scale, on every machine. A shop of this
 * scale that is there already stays as it is; one of another scale, of an older version, or whose load was
 * interrupted is made anew. Answers which of the two happened.
 * Throws HP_DATABASE_NOT_EMPTY rather than touch tables that are not its own.
 */
export async function loadShop(url: string, options: ShopOptions = {}): Promise<"loaded" | "reused"> {
  const scale = options.scale ?? 1;
  if (!(scale > 0) || scale > 1000) {
    throw new HotpathError("HP_OPTION_INVALID", `the scale must be above 0 and at most 1000, not ${scale}`);
  }
  const client = new Client({ connectionString: url, connectionTimeoutMillis: CONNECT_TIMEOUT_MS });
  // The query under way fails too; without a listener the same news would end the process.
  client.on("error", () => undefined);
  await client.connect();
  try {
    await client.query("select pg_advisory_lock($1)", [LOAD_LOCK]);
    if (await isLoaded(client, scale)) return "reused";
    await load(client, scale, options);
    return "loaded";
  } finally {
    await client.end();
  }
}

async function isLoaded(client: Client, scale: number): Promise<boolean> {
  const [{ ours, occupied } = { ours: false, occupied: "" }] = (
    await client.query<{ ours: boolean; occupied: string | null }>(
      `select to_regclass('hotpath_demo.load') is not null as ours,
              (select string_agg(relname, ', ') from pg_class
               where relnamespace = 'public'::regnamespace and relname = any($1)) as occupied`,
      [SHOP_TABLES],
    )
  ).rows;
  if (ours) {
    const marker = await client.query("select from hotpath_demo.load where finished and version = $1 and scale = $2", [
      SHOP_VERSION,
      scale,
    ]);
    return marker.rowCount === 1;
  }
  if (occupied !== null) {
    throw new HotpathError("HP_DATABASE_NOT_EMPTY", `the database has tables of the shop's names: ${occupied}`);
  }
  return false;
}

async function load(client: Client, scale: number, options: ShopOptions): Promise<void> {
  const size = shopSize(scale);
  const steps = shopRows(size);
  const indexWeight = Math.ceil(size.orders * INDEX_WEIGHT);
  const total = steps.reduce((sum, step) => sum + step.count, 0) + (INDEX_STATEMENTS.length + 1) * indexWeight;
  let done = 0;
  const report = (step: string, more: number): void => {
    done += more;
    options.onProgress?.({ step, done, total });
  };
  report("tables", 0);
  await client.query("set search_path = public; set timezone = 'UTC'; set client_min_messages = warning");
  await client.query(MARKER_SQL);
  await client.query("truncate hotpath_demo.load");
  // The marker says unfinished from the first table on.
  await client.query("insert into hotpath_demo.load (version, scale, finished) values ($1, $2, false)", [
    SHOP_VERSION,
    scale,
  ]);
  await client.query(DROP_SHOP_SQL);
  await client.query(CREATE_SHOP_SQL);
  for (const step of steps) {
    report(step.name, 0);
    await insertRows(client, step, (rows) => report(step.name, rows));
  }
  report("indexes", 0);
  for (const statement of INDEX_STATEMENTS) {
    await client.query(statement);
    report("indexes", indexWeight);
  }
  report("statistics", 0);
  await client.query(FINISH_SQL);
  await continueNumbers(client);
  await client.query("vacuum (analyze)");
  await client.query("update hotpath_demo.load set finished = true");
  report("done", indexWeight);
}

async function insertRows(client: Client, step: RowStep, inserted: (rows: number) => void): Promise<void> {
  for (let from = 1; from <= step.count; from += CHUNK_ROWS) {
    const to = Math.min(from + CHUNK_ROWS - 1, step.count);
    await client.query(step.insert(from, to));
    inserted(to - from + 1);
  }
}

/** Rows came with their numbers; those that users add go on behind them. */
async function continueNumbers(client: Client): Promise<void> {
  const { rows } = await client.query<{ table: string }>(
    `select table_name as table from information_schema.columns
     where table_schema = 'public' and is_identity = 'YES' and table_name = any($1)`,
    [SHOP_TABLES],
  );
  for (const { table } of rows) {
    const name = escapeIdentifier(table);
    await client.query(`select setval(pg_get_serial_sequence($1, 'id'), (select max(id) from ${name}))`, [table]);
  }
}
