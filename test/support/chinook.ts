import { readFile } from "node:fs/promises";
import type { TestContext } from "node:test";
import { testDatabase } from "./postgres.ts";

/** Chinook is a schema by third parties that lies beside the repository, not in it. */
const CHINOOK = new URL("../../../shared/data/chinook.sql", import.meta.url);

/**
 * A fresh test database with Chinook in it, or `undefined` after skipping the test because the file is not there:
 * `const url = await chinookDatabase(t); if (url === undefined) return;`
 */
export async function chinookDatabase(t: TestContext): Promise<string | undefined> {
  const sql = await chinookSql();
  if (sql !== undefined) return testDatabase(t, { sql });
  t.skip("the Chinook schema is not at ../shared/data/chinook.sql beside the repository");
  return undefined;
}

/** The schema and its rows as plain SQL, without the lines that choose a database; `undefined`: no file. */
export async function chinookSql(): Promise<string | undefined> {
  const text = await readFile(CHINOOK, "utf8").catch(() => undefined);
  return text?.replaceAll(/^(?:\\.*|(?:DROP|CREATE) DATABASE .*;)$/gim, "");
}
