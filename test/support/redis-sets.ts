import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { freePort } from "../../src/demo/cluster.ts";
import { requireCommand } from "./commands.ts";
import { defer, type TestScope } from "./defer.ts";
import { type RedisServer, startRedisServer } from "./redis.ts";

/** How servers stand together. */
export type RedisKind = "single" | "sentinel" | "cluster";

/** One server or several, of which one can be lost. */
export interface RedisSet {
  /** As option `cache.redis` takes it. */
  readonly url: string;
  readonly servers: readonly RedisServer[];
  /**
   * Ends a master as a crash would. A replica takes its place, or it comes back from its disk where there is none. What `meanwhile` does
   * is not known to whoever that is: replication was late. Resolves when there is a master again, and the lost server runs again.
   */
  failOver(meanwhile?: () => Promise<void>): Promise<void>;
}

/** Starts servers of a kind, or skips the test where there is no Redis. */
export async function startRedisSet(
  t: TestContext,
  kind: RedisKind,
  scope: TestScope = t,
): Promise<RedisSet | undefined> {
  const program = requireCommand(t, "redis-server");
  return program === undefined ? undefined : SETS[kind](scope, program);
}

/** The same with a program that was found, for what is no test, on an address of this machine. */
export const SETS: Readonly<
  Record<RedisKind, (scope: TestScope, program: string, host?: string) => Promise<RedisSet>>
> = {
  single: startSingle,
  sentinel: startSentinelSet,
  cluster: async (scope, program, host) => startCluster(scope, program, true, host),
};

/** Starts a cluster of three masters without replicas and answers its URL, or skips the test. */
export async function startRedisCluster(t: TestContext, scope: TestScope = t): Promise<string | undefined> {
  const program = requireCommand(t, "redis-server");
  return program === undefined ? undefined : (await startCluster(scope, program, false)).url;
}

async function startSingle(scope: TestScope, program: string, host = LOCAL): Promise<RedisSet> {
  const server = await startRedisServer(scope, program, [], host);
  return {
    url: server.url,
    servers: [server],
    async failOver(meanwhile) {
      await ask(server, "SAVE");
      await meanwhile?.();
      await server.kill();
      await server.start();
    },
  };
}

/** A master, a replica, and a sentinel that fails over alone, soon. */
async function startSentinelSet(scope: TestScope, program: string, host = LOCAL): Promise<RedisSet> {
  const settings = ["--repl-diskless-sync-delay", "0", "--repl-timeout", "5"];
  const first = await startRedisServer(scope, program, settings, host);
  const second = await startRedisServer(scope, program, settings, host);
  const servers = [first, second];
  await ask(second, "REPLICAOF", host, String(first.port));
  const port = await startSentinel(scope, program, first, host);
  const url = `redis://${host}:${port}`;
  await poll(async () => {
    const replicas = await ask({ url }, "SENTINEL", "REPLICAS", "main");
    return Array.isArray(replicas) && replicas.length > 0 && JSON.stringify(replicas).includes('"slave"');
  }, "the sentinel finds the replica");
  const masterPort = async (): Promise<number> => {
    const address = await ask({ url }, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", "main");
    return Array.isArray(address) ? Number(address[1]) : 0;
  };
  return {
    url: `redis+sentinel://${host}:${port}/main`,
    servers,
    async failOver(meanwhile) {
      const current = await masterPort();
      const [master, replica] = first.port === current ? [first, second] : [second, first];
      await poll(async () => isReplicating(replica), "the replica follows");
      await lose(master, replica, meanwhile);
      await poll(
        async () => (await masterPort()) === replica.port && (await isMaster(replica)),
        "the replica takes over",
      );
      await master.start();
    },
  };
}

/** Three masters, each with a replica where that is wanted. */
async function startCluster(scope: TestScope, program: string, hasReplicas: boolean, host = LOCAL): Promise<RedisSet> {
  const settings = [
    "--cluster-enabled",
    "yes",
    "--cluster-require-full-coverage",
    "no",
    "--repl-diskless-sync-delay",
    "0",
  ];
  if (hasReplicas) settings.push("--cluster-node-timeout", "1000", "--cluster-replica-validity-factor", "0");
  const servers: RedisServer[] = [];
  const busPorts: string[] = [];
  for (let count = 0; count < (hasReplicas ? 6 : 3); count++) {
    const busPort = String(await freePort());
    servers.push(await startRedisServer(scope, program, [...settings, "--cluster-port", busPort], host));
    busPorts.push(busPort);
  }
  const masters = servers.slice(0, 3);
  const share = Math.ceil(SLOTS / masters.length);
  for (const [at, server] of servers.entries()) {
    // Epochs of their own, or the nodes would take seconds to agree on who is older.
    await ask(server, "CLUSTER", "SET-CONFIG-EPOCH", String(at + 1));
    if (at < masters.length) {
      const last = Math.min(SLOTS - 1, (at + 1) * share - 1);
      await ask(server, "CLUSTER", "ADDSLOTSRANGE", String(at * share), String(last));
    }
    if (at > 0) await ask(servers[0]!, "CLUSTER", "MEET", host, String(server.port), busPorts[at]!);
  }
  // A cluster tells nobody that it is complete: it has to be asked.
  for (const server of servers) {
    await poll(async () => isComplete(await ask(server, "CLUSTER", "INFO"), servers.length), "the cluster is complete");
  }
  for (const [at, replica] of servers.slice(masters.length).entries()) {
    await ask(replica, "CLUSTER", "REPLICATE", String(await ask(masters[at]!, "CLUSTER", "MYID")));
    await poll(async () => isReplicating(replica), "the replica follows");
  }
  let turn = 0;
  return {
    url: `redis+cluster://${masters.map(({ port }) => `${host}:${port}`).join(",")}`,
    servers,
    async failOver(meanwhile) {
      const at = turn++ % masters.length;
      const pair = [servers[at]!, servers[at + masters.length]!];
      const [master, replica] = (await isMaster(pair[0]!)) ? [pair[0]!, pair[1]!] : [pair[1]!, pair[0]!];
      await poll(async () => isReplicating(replica), "the replica follows");
      await lose(master, replica, meanwhile);
      await poll(async () => isMaster(replica), "the replica takes over");
      await poll(
        async () => isComplete(await ask(replica, "CLUSTER", "INFO"), servers.length),
        "the cluster is complete",
      );
      await master.start();
    },
  };
}

/** Ends a master while its replica does not hear of what it does. */
async function lose(master: RedisServer, replica: RedisServer, meanwhile?: () => Promise<void>): Promise<void> {
  if (meanwhile !== undefined) {
    replica.pause();
    // What was not read yet would arrive all the same.
    await ask(master, "CLIENT", "KILL", "TYPE", "replica");
    await meanwhile();
  }
  await master.kill();
  replica.resume();
}

const LOCAL = "127.0.0.1";
const SLOTS = 16_384;
/** A sentinel takes its time until it makes a replica of a master that came back. */
const PATIENCE_MS = 60_000;

function isComplete(info: unknown, nodes: number): boolean {
  if (typeof info !== "string") return false;
  return [`cluster_state:ok`, `cluster_slots_assigned:${SLOTS}`, `cluster_known_nodes:${nodes}`].every((line) =>
    info.includes(line),
  );
}

async function isReplicating(server: RedisServer): Promise<boolean> {
  const role = await ask(server, "ROLE").catch(() => undefined);
  return Array.isArray(role) && role[0] === "slave" && role[3] === "connected";
}

async function isMaster(server: RedisServer): Promise<boolean> {
  const role = await ask(server, "ROLE").catch(() => undefined);
  return Array.isArray(role) && role[0] === "master";
}

/** One command to one server, by a connection of its own. */
async function ask({ url }: { readonly url: string }, ...words: string[]): Promise<unknown> {
  const { createClient } = await import("@redis/client");
  const client = createClient({ url, RESP: 2, socket: { reconnectStrategy: false, connectTimeout: 2000 } });
  client.on("error", () => undefined);
  try {
    await client.connect();
    return await client.sendCommand(words);
  } finally {
    if (client.isOpen) client.destroy();
  }
}

async function poll(is: () => Promise<boolean>, what: string): Promise<void> {
  for (const startedAt = performance.now(); !(await is().catch(() => false)); await delay(20)) {
    if (performance.now() - startedAt > PATIENCE_MS) throw new Error(`not in time: ${what}`);
  }
}

async function startSentinel(scope: TestScope, program: string, master: RedisServer, host: string): Promise<number> {
  const port = await freePort();
  const folder = await mkdtemp(join(tmpdir(), "test-sentinel-"));
  const file = join(folder, "sentinel.conf");
  const lines = [
    `port ${port}`,
    `bind ${host}`,
    "protected-mode no",
    `dir ${folder}`,
    `sentinel monitor main ${host} ${master.port} 1`,
    "sentinel down-after-milliseconds main 300",
    "sentinel failover-timeout main 2000",
  ];
  await writeFile(file, `${lines.join("\n")}\n`);
  const child: ChildProcess = spawn(program, [file, "--sentinel"], { stdio: "ignore" });
  defer(scope, async () => {
    const exit = once(child, "exit");
    child.kill("SIGKILL");
    await exit;
    await rm(folder, { recursive: true, force: true });
  });
  return port;
}
