import { resolvePostgresSettings } from "../../../src/api/options.ts";
import type { PostgresOptions } from "../../../src/api/postgres-option-types.ts";
import type { Log } from "../../../src/api/source.ts";
import type { SourceRequest } from "../../../src/api/source-request.ts";
import { createMetrics, type Metrics } from "../../../src/observe/metrics.ts";
import { createRouter } from "../../../src/postgres/create-router.ts";
import type { Router } from "../../../src/postgres/replicas/index.ts";
import { createTransactionRunner, type TransactionMode } from "../../../src/postgres/run-transaction.ts";
import { defer } from "../../support/defer.ts";
import {
  type PrivateCluster,
  privateCluster,
  queryRows,
  REPLICATED,
  runSql,
  standbyOf,
  type TestScope,
} from "../../support/postgres.ts";
import { command, type LogLine, until } from "../pool/fixture.ts";

export { until } from "../pool/fixture.ts";

/** A primary, its replicas, and a node that knows all of them. */
export interface Cluster {
  readonly primary: PrivateCluster;
  readonly replicas: readonly PrivateCluster[];
}

/** Starts a primary with the table `counter (id, n)` and replicas that have it. */
export async function startReplicated(t: TestScope, count: number): Promise<Cluster> {
  const primary = await privateCluster(t, REPLICATED);
  await runSql(primary.url, "create table counter (id int primary key, n int); insert into counter values (1, 0)");
  const replicas = await Promise.all(
    Array.from({ length: count }, async (_, index) => standbyOf(t, primary, `replica${index + 1}`)),
  );
  await Promise.all(replicas.map(async (replica) => caughtUp(primary, replica)));
  return { primary, replicas };
}

/** Waits until a replica has all that the primary has now. */
export async function caughtUp(primary: PrivateCluster, replica: PrivateCluster): Promise<void> {
  const [at] = await queryRows(primary.url, "select pg_current_wal_flush_lsn() as lsn");
  await until(async () => {
    const [row] = await queryRows(replica.url, "select pg_last_wal_replay_lsn() >= $1 as done", [at?.["lsn"]]);
    return row?.["done"] === true;
  }, "the replica has caught up");
}

export async function pauseReplay({ url }: PrivateCluster): Promise<void> {
  await runSql(url, "select pg_wal_replay_pause()");
  await until(async () => {
    const [row] = await queryRows(url, "select pg_get_wal_replay_pause_state() as state");
    return row?.["state"] === "paused";
  }, "replay is paused");
}

export async function resumeReplay({ url }: PrivateCluster): Promise<void> {
  await runSql(url, "select pg_wal_replay_resume()");
}

/** A node of ours, below HTTP. */
export interface Node {
  readonly router: Router;
  readonly lines: readonly LogLine[];
  readonly metrics: Metrics;
  /** Sets the counter and answers the token. */
  write(n: number): Promise<string>;
  /** The counter, and the port of the server that answered. */
  read(headers?: Readonly<Record<string, string>>): Promise<{ n: number; port: number }>;
}

const WRITE: TransactionMode = { access: "read write", end: "commit" };
const READ = "select n, current_setting('port') from counter where id = 1";

/** Starts a node that knows the primary first, then the replicas. */
export async function startNode(
  t: TestScope,
  { primary, replicas }: Cluster,
  options: PostgresOptions = {},
): Promise<Node> {
  const settings = resolvePostgresSettings(primary.url, {
    argument: {
      replicas: replicas.map(({ url }) => url),
      pool: { max: 4, minIdle: 1 },
      ...options,
      consistency: { checkInterval: "50ms", ...options.consistency },
    },
  });
  const lines: LogLine[] = [];
  const metrics = createMetrics();
  const router = createRouter(settings, logTo(lines), metrics);
  defer(t, () => router.close());
  await router.start();
  const tokens = new WeakMap<SourceRequest, string>();
  const run = createTransactionRunner(
    settings,
    () => router,
    (request, token) => tokens.set(request, token),
  );
  const scope = { schema: "public", role: null, timezone: null };
  return {
    router,
    lines,
    metrics,
    async write(n) {
      const request = requestWith({});
      await run(request, scope, [command("update counter set n = $1 where id = 1", String(n))], WRITE);
      return tokens.get(request) ?? "";
    },
    async read(headers = {}) {
      const [result] = await run(requestWith(headers), scope, [command(READ)]);
      const [n, port] = result?.rows[0] ?? [];
      return { n: Number(n), port: Number(port) };
    },
  };
}

function requestWith(headers: Readonly<Record<string, string>>): SourceRequest {
  const signal = new AbortController().signal;
  return {
    method: "GET",
    subpath: "/counter",
    headers,
    remoteAddress: "127.0.0.1",
    signal,
  } as Partial<SourceRequest> as SourceRequest;
}

function logTo(lines: LogLine[]): Log {
  const level = (name: string) => (details: object, message: string) => {
    lines.push({ level: name, details: { ...details }, message });
  };
  return { debug: level("debug"), info: level("info"), warn: level("warn"), error: level("error") };
}
