import { randomBytes } from "node:crypto";
import { chmod, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client, escapeIdentifier } from "pg";
import { type Cluster, freePort, startCluster } from "../../src/demo/cluster.ts";
import { signal, waitForEnd } from "../../src/demo/processes.ts";
import { startStandby } from "../../src/demo/standby.ts";
import { defer, type TestScope } from "./defer.ts";

export type { TestScope } from "./defer.ts";

/** Settings of every test server: tests need no durability, and change tracking needs the logical log. */
export const TEST_SETTINGS = {
  fsync: "off",
  synchronous_commit: "off",
  full_page_writes: "off",
  max_connections: 300,
  wal_level: "logical",
  max_wal_senders: 50,
  max_replication_slots: 50,
  shared_buffers: "64MB",
} as const;

/** Environment variable that carries the superuser's URL of the cluster `test/run.ts` starts; not `HOTPATH_…`, which are options. */
export const SHARED_CLUSTER = "TEST_POSTGRES_URL";

/**
 * A fresh database in the suite's cluster, dropped once the test has ended, and its superuser's URL.
 * `sql` is run in it; `template` is the name of a database to copy.
 */
export async function testDatabase(
  t: TestScope,
  options: { readonly sql?: string; readonly template?: string } = {},
): Promise<string> {
  const server = await sharedClusterUrl();
  const name = `test_${process.pid}_${randomBytes(5).toString("hex")}`;
  await runSql(server, `create database ${name} template ${escapeIdentifier(options.template ?? "template1")}`);
  // Not awaited: hooks of the test that run later may still close connections to it.
  defer(t, () => void dropDatabase(server, name));
  const url = new URL(server);
  url.pathname = `/${name}`;
  if (options.sql !== undefined) await runSql(url.href, options.sql);
  return url.href;
}

/** Runs statements on a connection of their own. */
export async function runSql(url: string, sql: string): Promise<void> {
  await withClient(url, async (client) => {
    await client.query(sql);
  });
}

/**
 * Vacuums and analyses a database until the planner knows all pages to be visible to everybody, as they are in a database that has been
 * there for a while. A commit that is not in the log on disk yet (`synchronous_commit = off`) keeps VACUUM from saying so.
 */
export async function vacuumed(url: string): Promise<void> {
  const deadline = performance.now() + 60_000;
  for (;;) {
    await runSql(url, "checkpoint");
    await runSql(url, "vacuum analyze");
    const [row] = await queryRows(url, HIDDEN_PAGES);
    if (row?.["hidden"] === 0) return;
    if (performance.now() > deadline) throw new Error(`${String(row?.["hidden"])} pages are not visible to everybody`);
  }
}

const HIDDEN_PAGES = `select coalesce(sum(relpages - relallvisible), 0)::int as hidden from pg_class
  where relkind in ('r', 'm') and relnamespace not in ('pg_catalog'::regnamespace, 'information_schema'::regnamespace, 'pg_toast'::regnamespace)`;

/** Runs one statement on a connection of its own and answers its rows. */
export async function queryRows(
  url: string,
  sql: string,
  values: readonly unknown[] = [],
): Promise<Record<string, unknown>[]> {
  return withClient(url, async (client) => (await client.query<Record<string, unknown>>(sql, [...values])).rows);
}

/** A server of a test's own, to be stopped, killed and started again on the same port. */
export interface PrivateCluster {
  /** The superuser's URL; stays valid over restarts. */
  readonly url: string;
  readonly port: number;
  /** Its data directory. */
  readonly directory: string;
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Sends the server process a signal and waits until it has ended. */
  kill(name: NodeJS.Signals): Promise<void>;
}

/**
 * Starts a server that only this test uses; it is gone when the test has ended. What was committed survives a kill of
 * the server.
 */
export async function privateCluster(
  t: TestScope,
  settings: Readonly<Record<string, string | number>> = {},
): Promise<PrivateCluster> {
  const directory = join(await testFolder(t), "data");
  return keepCluster(t, directory, (port) =>
    startCluster({
      dataDirectory: directory,
      port,
      settings: { ...TEST_SETTINGS, synchronous_commit: "on", ...settings },
    }),
  );
}

/**
 * Starts a streaming replica of a server that only this test uses; gone when the test has ended. Its superuser is the primary's. The
 * primary needs `REPLICATED`.
 */
export async function standbyOf(t: TestScope, primary: PrivateCluster, name = "standby"): Promise<PrivateCluster> {
  const directory = join(await testFolder(t), name);
  const settings = { ...TEST_SETTINGS, ...REPLICATED };
  let isCopied = false;
  return keepCluster(t, directory, (port) => {
    if (isCopied) return startCluster({ dataDirectory: directory, port, settings });
    isCopied = true;
    return startStandby({
      primaryUrl: primary.url,
      primaryDirectory: primary.directory,
      dataDirectory: directory,
      port,
      settings,
    });
  });
}

/** What a primary whose replicas come and go runs with. */
export const REPLICATED = {
  wal_keep_size: "512MB",
  wal_receiver_timeout: "10s",
  wal_retrieve_retry_interval: "100ms",
} as const;

async function keepCluster(
  t: TestScope,
  directory: string,
  startOn: (port: number) => Promise<Cluster>,
): Promise<PrivateCluster> {
  const port = await freePort();
  let cluster: Cluster | undefined;
  defer(t, async () => {
    await cluster?.stop("immediate");
  });
  cluster = await startOn(port);
  const { url } = cluster;
  return {
    url,
    port,
    directory,
    async start() {
      cluster = await startOn(port);
    },
    async stop() {
      await cluster?.stop();
    },
    async kill(name) {
      if (cluster === undefined) return;
      const backends = await childrenOf(cluster.pid);
      signal(cluster.pid, name);
      await cluster.ended;
      // They go when they notice, which takes them a moment, and until then they answer.
      await Promise.all(backends.map((pid) => waitForEnd(pid, 20_000)));
    },
  };
}

/** Processes that a process has started; none where the system does not tell. */
async function childrenOf(pid: number): Promise<readonly number[]> {
  const list = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8").catch(() => "");
  return list.split(" ").filter(Boolean).map(Number);
}

/** A new folder that a server's user can reach, removed when the test has ended. */
export async function testFolder(t: TestScope): Promise<string> {
  const folder = await temporaryFolder();
  defer(t, () => rm(folder, { recursive: true, force: true }));
  return folder;
}

/**
 * A new folder that a server's user can reach and somebody else removes. `test/run.ts` gives each run a TMPDIR of its
 * own, so that what an interrupted test leaves goes with it; without it root's TMPDIR may be out of reach for others.
 */
export async function temporaryFolder(): Promise<string> {
  const isAlone = process.env[SHARED_CLUSTER] === undefined;
  const folder = await mkdtemp(join(isAlone && process.getuid?.() === 0 ? "/tmp" : tmpdir(), "hotpath-test-"));
  await chmod(folder, 0o755);
  return folder;
}

/** Starts the cluster that all tests of a run share. It and its folder go when this process ends. */
export async function startTestCluster(dataDirectory: string): Promise<Cluster> {
  return startCluster({ dataDirectory, settings: TEST_SETTINGS, temporary: true });
}

let ownCluster: Promise<Cluster> | undefined;

/** A file that is run alone brings its own server. */
async function sharedClusterUrl(): Promise<string> {
  const given = process.env[SHARED_CLUSTER];
  if (given) return given;
  ownCluster ??= temporaryFolder().then(startTestCluster);
  return (await ownCluster).url;
}

/** PostgreSQL waits five seconds for the last connections to close; what is open then was forgotten by the test. */
async function dropDatabase(server: string, name: string): Promise<void> {
  await runSql(server, `drop database ${name}`)
    .catch(() => runSql(server, `drop database if exists ${name} with (force)`))
    // With the server gone there is nothing left to drop.
    .catch(() => undefined);
}

async function withClient<T>(url: string, use: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 20_000 });
  // A server that is killed under us fails the query; the connection's own event says it twice.
  client.on("error", () => undefined);
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}
