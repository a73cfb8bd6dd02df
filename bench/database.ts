import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { Client } from "pg";
import { prepareDemo } from "../src/demo/demo.ts";
import { openSharedFolder } from "../src/demo/shared-folder.ts";
import { ROOT } from "./setup.ts";

/** The PostgreSQL that servers are measured over. */
export interface BenchDatabase {
  /** The shop: 10,000 users, 100,000 orders. */
  readonly shopUrl: string;
  /** Chinook; `undefined` where its script is not at hand. */
  readonly chinookUrl: string | undefined;
  readonly version: string;
  /** Process id of the postmaster. */
  readonly pid: number;
  readonly stop: () => Promise<void>;
}

/** In the place of a database where none is needed. */
export const NO_DATABASE: BenchDatabase = {
  shopUrl: "",
  chinookUrl: undefined,
  version: "",
  pid: 0,
  stop: () => Promise.resolve(),
};

/** Users of the shop at scale 1: their ids are 1 to this. */
export const USERS = 10_000;

/** Starts PostgreSQL on the bench's own data directory, which is kept between runs. */
export async function startDatabase(options: {
  readonly chinookFile: string | undefined;
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
}): Promise<BenchDatabase> {
  options.say("starting PostgreSQL with the shop (loaded the first time)");
  const directory = join(await cacheFolder(), "bench-18");
  const demo = await prepareDemo({ directory, signal: options.signal });
  try {
    const version = await settle(demo.url);
    const pid = Number.parseInt(await readFile(join(directory, "postmaster.pid"), "utf8"), 10);
    const chinookUrl = await openChinook(demo.url, options.chinookFile);
    return { shopUrl: demo.url, chinookUrl, version, pid, stop: demo.stop };
  } catch (error) {
    await demo.stop();
    throw error;
  }
}

/** PostgreSQL as root runs as a user who cannot enter root's home. */
async function cacheFolder(): Promise<string> {
  if (process.getuid?.() === 0) return openSharedFolder(["/var/lib/hotpath", "/var/tmp/hotpath"]);
  return resolve(homedir(), ".cache", "hotpath");
}

/** Fresh statistics and visibility map, so that no round pays for another's vacuum; one time zone for all replies. */
async function settle(url: string): Promise<string> {
  return withClient(url, async (client) => {
    await client.query("alter database shop set timezone to 'UTC'");
    await client.query("vacuum analyze");
    await client.query("checkpoint");
    const answer = await client.query<{ server_version: string }>("show server_version");
    return answer.rows[0]?.server_version ?? "";
  });
}

async function openChinook(shopUrl: string, file: string | undefined): Promise<string | undefined> {
  const script = await readFile(file ?? join(ROOT, "../shared/data/chinook.sql"), "utf8").catch(() => undefined);
  if (script === undefined) return undefined;
  const url = Object.assign(new URL(shopUrl), { pathname: "/chinook" }).href;
  await withClient(shopUrl, async (client) => {
    await client.query("drop database if exists chinook with (force)");
    await client.query("create database chinook");
  });
  // The script makes its database and connects to it with psql's own \c; what follows is plain SQL.
  const [, tables] = script.split(/^\\c .*$/m);
  await withClient(url, (client) => client.query(tables ?? script));
  return url;
}

async function withClient<Result>(url: string, use: (client: Client) => Promise<Result>): Promise<Result> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 20_000 });
  client.on("error", () => undefined);
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}
