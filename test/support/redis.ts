import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { TestContext } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { freePort } from "../../src/demo/cluster.ts";
import { requireCommand } from "./commands.ts";
import { defer, type TestScope } from "./defer.ts";

/** A Redis of a test's own: nothing is saved, so that a restart forgets everything. */
export interface RedisServer {
  readonly port: number;
  readonly url: string;
  start(): Promise<void>;
  /** Ends it as a crash would. */
  kill(): Promise<void>;
  /** Stops it from running, and lets it run on: its connections stay open, silently. */
  pause(): void;
  resume(): void;
}

/** Starts a Redis, or skips the test where there is none. It is gone when the scope (default: the test) has ended. */
export async function startRedis(
  t: TestContext,
  settings: readonly string[] = [],
  scope: TestScope = t,
): Promise<RedisServer | undefined> {
  const program = requireCommand(t, "redis-server");
  return program === undefined ? undefined : startRedisServer(scope, program, settings);
}

/** The same with a program that was found, for what is no test. */
export async function startRedisServer(
  scope: TestScope,
  program: string,
  settings: readonly string[] = [],
): Promise<RedisServer> {
  const port = await freePort();
  const folder = await mkdtemp(join(tmpdir(), "test-redis-"));
  let child: ChildProcess | undefined;

  async function start(): Promise<void> {
    const words = ["--port", String(port), "--bind", "127.0.0.1", "--dir", folder, "--save", "", ...settings];
    child = spawn(program, words, { stdio: ["ignore", "pipe", "ignore"] });
    let isReady = false;
    for await (const line of createInterface({ input: child.stdout! })) {
      isReady = line.includes("Ready to accept connections");
      if (isReady) break;
    }
    if (!isReady) throw new Error(`redis-server did not start on port ${port}`);
    child.stdout?.resume();
  }

  async function kill(): Promise<void> {
    const ended = child;
    child = undefined;
    if (ended === undefined || ended.exitCode !== null) return;
    const exit = once(ended, "exit");
    ended.kill("SIGKILL");
    await exit;
  }

  defer(scope, async () => {
    await kill();
    await rm(folder, { recursive: true, force: true });
  });
  await start();
  const pause = (): void => void child?.kill("SIGSTOP");
  const resume = (): void => void child?.kill("SIGCONT");
  return { port, url: `redis://127.0.0.1:${port}`, start, kill, pause, resume };
}

/** Starts a cluster of three masters and answers its URL, or skips the test. */
export async function startRedisCluster(t: TestContext, scope: TestScope = t): Promise<string | undefined> {
  const settings = ["--cluster-enabled", "yes", "--cluster-require-full-coverage", "no"];
  const nodes: RedisServer[] = [];
  const busPorts: string[] = [];
  for (let count = 0; count < 3; count++) {
    const busPort = String(await freePort());
    const node = await startRedis(t, [...settings, "--cluster-port", busPort], scope);
    if (node === undefined) return undefined;
    nodes.push(node);
    busPorts.push(busPort);
  }
  const { createClient } = await import("@redis/client");
  const clients = await Promise.all(nodes.map(({ url }) => createClient({ url }).connect()));
  try {
    const share = Math.ceil(SLOTS / nodes.length);
    for (const [at, client] of clients.entries()) {
      const last = Math.min(SLOTS - 1, (at + 1) * share - 1);
      await client.sendCommand(["CLUSTER", "ADDSLOTSRANGE", String(at * share), String(last)]);
      // Epochs of their own, or the nodes would take seconds to agree on who is older.
      await client.sendCommand(["CLUSTER", "SET-CONFIG-EPOCH", String(at + 1)]);
    }
    for (const [at, node] of nodes.entries()) {
      if (at > 0) await clients[0]!.sendCommand(["CLUSTER", "MEET", "127.0.0.1", String(node.port), busPorts[at]!]);
    }
    // A cluster tells nobody that it is complete: it has to be asked.
    for (const client of clients) {
      while (!isComplete(await client.sendCommand(["CLUSTER", "INFO"]))) await delay(20);
    }
  } finally {
    for (const client of clients) client.destroy();
  }
  return `redis+cluster://${nodes.map(({ port }) => `127.0.0.1:${port}`).join(",")}`;
}

const SLOTS = 16_384;

function isComplete(info: unknown): boolean {
  if (typeof info !== "string") return false;
  return info.includes("cluster_state:ok") && info.includes(`cluster_slots_assigned:${SLOTS}`);
}

/** A sentinel that watches one master under the name `main` and fails over alone, soon. */
export interface Sentinel {
  readonly port: number;
  /** Whether it has somebody to make the master. */
  knowsReplica(): Promise<boolean>;
}

/** Starts a sentinel, or skips the test. It is gone when the test has ended. */
export async function startSentinel(t: TestContext, master: RedisServer): Promise<Sentinel | undefined> {
  const program = requireCommand(t, "redis-server");
  if (program === undefined) return undefined;
  const port = await freePort();
  const folder = await mkdtemp(join(tmpdir(), "test-sentinel-"));
  const file = join(folder, "sentinel.conf");
  const lines = [
    `port ${port}`,
    "bind 127.0.0.1",
    `dir ${folder}`,
    `sentinel monitor main 127.0.0.1 ${master.port} 1`,
    "sentinel down-after-milliseconds main 300",
    "sentinel failover-timeout main 2000",
  ];
  await writeFile(file, `${lines.join("\n")}\n`);
  const child = spawn(program, [file, "--sentinel"], { stdio: "ignore" });
  defer(t, async () => {
    const exit = once(child, "exit");
    child.kill("SIGKILL");
    await exit;
    await rm(folder, { recursive: true, force: true });
  });
  const { createClient } = await import("@redis/client");
  const knowsReplica = async (): Promise<boolean> => {
    const client = createClient({ url: `redis://127.0.0.1:${port}`, socket: { reconnectStrategy: false } });
    client.on("error", () => undefined);
    try {
      await client.connect();
      const replicas = await client.sendCommand(["SENTINEL", "REPLICAS", "main"]);
      return Array.isArray(replicas) && replicas.length > 0;
    } catch {
      return false;
    } finally {
      if (client.isOpen) client.destroy();
    }
  };
  return { port, knowsReplica };
}
