import { homedir } from "node:os";
import { isAbsolute, join, resolve } from "node:path";
import { Client } from "pg";
import { serverAccount } from "./account.ts";
import { findBinaries } from "./binaries.ts";
import { type Cluster, startCluster } from "./cluster.ts";
import { REPLICATED, startReplicas } from "./replicas.ts";
import { openSharedFolder } from "./shared-folder.ts";
import { type LoadProgress, loadShop } from "./shop.ts";

export interface DemoOptions {
  /** Data directory of the demo's PostgreSQL. Default: one of the user's cache folder, kept between runs. */
  readonly directory?: string;
  /** 1, the default, means 10,000 users and 100,000 orders. */
  readonly scale?: number;
  /** Port of PostgreSQL; 0, the default, takes a free one. */
  readonly port?: number;
  /** Streaming replicas to start. Default 0. */
  readonly replicas?: number;
  /** Called while rows are loaded; not at all when an earlier run's are reused. */
  readonly onProgress?: (progress: LoadProgress) => void;
  /** Ends the preparation early and stops what runs already. */
  readonly signal?: AbortSignal;
}

/** A PostgreSQL with the shop in it. */
export interface Demo {
  /** Connection URL, with the password that was generated for this data directory. */
  readonly url: string;
  /** Connection URLs of its streaming replicas. */
  readonly replicaUrls: readonly string[];
  /** Where its data is. */
  readonly directory: string;
  /** Whether the shop was loaded now or was there from an earlier run. */
  readonly shop: "loaded" | "reused";
  /** Stops PostgreSQL and its replicas; the data stays. */
  readonly stop: () => Promise<void>;
}

const DATABASE = "shop";
const CONNECT_TIMEOUT_MS = 20_000;

/** Safe against a crash of the server; the last moments before a loss of power may be lost, which a demo can bear. */
const SETTINGS = {
  synchronous_commit: "off",
  wal_level: "logical",
  max_connections: 200,
  shared_buffers: "256MB",
  max_wal_size: "2GB",
  random_page_cost: 1.1,
} as const;

/**
 * Starts the demo's PostgreSQL and makes sure that the shop is in it. The second time takes about a second.
 * Throws what `startCluster` and `loadShop` throw; HP_CLUSTER_RUNNING when another demo uses the directory.
 */
export async function prepareDemo(options: DemoOptions = {}): Promise<Demo> {
  const directory = options.directory === undefined ? await defaultDirectory() : resolve(options.directory);
  const { scale, onProgress, signal, replicas: count = 0 } = options;
  const settings = count > 0 ? { ...SETTINGS, ...REPLICATED } : SETTINGS;
  const cluster = await startCluster({ dataDirectory: directory, port: options.port ?? 0, settings });
  let replicas: readonly Cluster[] = [];
  const stop = async (): Promise<void> => {
    // The primary waits for its replicas to have everything.
    await Promise.all([...replicas, cluster].map(async (each) => each.stop()));
  };
  // Stopping the server ends a statement that would run on for long.
  const abort = (): void => void stop();
  signal?.addEventListener("abort", abort, { once: true });
  try {
    signal?.throwIfAborted();
    const url = await openDatabase(cluster);
    const shop = await loadShop(url, { ...(scale !== undefined && { scale }), ...(onProgress && { onProgress }) });
    signal?.throwIfAborted();
    const source = { primaryUrl: cluster.url, primaryDirectory: directory };
    if (count > 0) replicas = await startReplicas({ ...source, count, settings });
    signal?.throwIfAborted();
    return { url, replicaUrls: replicas.map(shopOf), directory, shop, stop };
  } catch (error) {
    await stop();
    throw signal?.aborted ? signal.reason : error;
  } finally {
    signal?.removeEventListener("abort", abort);
  }
}

/**
 * The user's cache folder. Root's lies below a home that the server's unprivileged user cannot enter: root uses
 * /var/lib/hotpath, or /var/tmp where that cannot be written.
 */
async function defaultDirectory(): Promise<string> {
  const { majorVersion } = await findBinaries(await serverAccount("/nonexistent"));
  const name = `demo-${majorVersion}`;
  if (process.getuid?.() !== 0) return join(userCache(), "hotpath", name);
  return join(await openSharedFolder(["/var/lib/hotpath", "/var/tmp/hotpath"]), name);
}

/** XDG base directory specification: a relative path in the variable is invalid and counts as unset. */
function userCache(): string {
  const given = process.env["XDG_CACHE_HOME"] ?? "";
  return isAbsolute(given) ? given : join(homedir(), ".cache");
}

async function openDatabase(cluster: Cluster): Promise<string> {
  const client = new Client({ connectionString: cluster.url, connectionTimeoutMillis: CONNECT_TIMEOUT_MS });
  client.on("error", () => undefined);
  await client.connect();
  try {
    const found = await client.query("select from pg_database where datname = $1", [DATABASE]);
    if (found.rowCount === 0) await client.query(`create database ${DATABASE}`);
  } finally {
    await client.end();
  }
  return shopOf(cluster);
}

function shopOf(cluster: Cluster): string {
  const url = new URL(cluster.url);
  url.pathname = `/${DATABASE}`;
  return url.href;
}
