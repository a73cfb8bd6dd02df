import type { Client } from "pg";
import { HotpathError } from "../../errors.ts";
import { connect, createClient, destroyClient } from "../../postgres/pool/open.ts";
import type { PoolSettings } from "../../postgres/pool/types.ts";
import { identifier } from "../../postgres/query/sql-text.ts";
import { SETTINGS } from "./table.ts";
import type { GivenSetting, GivenSettings } from "./values.ts";

/** Reading a few rows of the catalog, or running a function that sets some settings. */
const STATEMENT_TIMEOUT_MS = 30_000;

/**
 * Reads the settings that the database holds (PostgREST 14, "In-Database Configuration"): those of the connecting role in this
 * database, then those of the role, then what the function sets for its transaction.
 *
 * @param preConfig the function's name, with or without its schema; empty: none
 * @throws HotpathError HP_DATABASE_UNREACHABLE, HP_DATABASE_REFUSED, HP_CONFIG_INVALID for a function that fails
 */
export async function readDatabaseSettings(pool: PoolSettings, preConfig: string): Promise<GivenSettings> {
  const client = createClient(pool, { statement_timeout: STATEMENT_TIMEOUT_MS });
  await connect(client);
  try {
    // What the function sets holds for its transaction.
    await client.query("begin read only");
    if (preConfig !== "") await callFunction(client, preConfig);
    const given = [[...NAMES.keys()], preConfig !== ""];
    const { rows } = await client.query<{ name: string; value: string }>(SETTINGS_SQL, given);
    return new Map(rows.map(({ name, value }) => [NAMES.get(name)!, toGiven(name, value)]));
  } finally {
    destroyClient(client);
  }
}

async function callFunction(client: Client, name: string): Promise<void> {
  try {
    await client.query(`select ${name.split(".").map(identifier).join(".")}()`);
  } catch (error) {
    const { message } = error as Error;
    throw new HotpathError("HP_CONFIG_INVALID", `The function ${name} (db-pre-config) failed: ${message}.`, {
      cause: error,
      todo: "Correct the function, or what the connecting role may do; see db-pre-config.",
    });
  }
}

/** Names there and here. */
const NAMES: ReadonlyMap<string, string> = new Map(
  SETTINGS.filter(({ isInDatabase }) => isInDatabase === true).map(({ name }) => [
    `pgrst.${name.replaceAll("-", "_")}`,
    name,
  ]),
);

function toGiven(name: string, value: string): GivenSetting {
  return { value, origin: `${name} in the database` };
}

/** A setting of the role in this database comes before one of the role alone, and that before the transaction's. */
const SETTINGS_SQL = `
with stored as (
  select setdatabase as place, unnest(setconfig) as line
  from pg_catalog.pg_db_role_setting
  where setrole = (select oid from pg_catalog.pg_roles where rolname = current_user)
    and setdatabase in (0, (select oid from pg_catalog.pg_database where datname = current_database()))
)
select distinct on (name) name, value
from (
  select place, split_part(line, '=', 1) as name, substr(line, strpos(line, '=') + 1) as value
  from stored
  union all
  select null, name, current_setting(name, true)
  from unnest($1::text[]) as name
  where $2::boolean
) as found
where name = any($1) and value is not null
order by name, place desc nulls last`;
