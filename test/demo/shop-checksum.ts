import { SHOP_TABLES } from "../../src/demo/shop-schema.ts";
import { queryRows } from "../support/postgres.ts";

/** One value over every row of every table of the shop. */
export async function shopChecksum(url: string): Promise<string> {
  const parts = SHOP_TABLES.map(
    (table) => `(select md5(string_agg(to_jsonb(t)::text, '' order by to_jsonb(t)::text collate "C")) from ${table} t)`,
  );
  // The offset of a timestamp's text is the session's.
  const [row] = await queryRows(
    `${url}?options=${encodeURIComponent("-c timezone=UTC")}`,
    `select md5(concat(${parts.join(", ")})) as checksum`,
  );
  return String(row?.["checksum"]);
}
