import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { TestContext } from "node:test";
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

/** The same with a program that was found, for what is no test; on another address of this machine where that is said. */
export async function startRedisServer(
  scope: TestScope,
  program: string,
  settings: readonly string[] = [],
  host = "127.0.0.1",
): Promise<RedisServer> {
  const port = await freePort();
  const folder = await mkdtemp(join(tmpdir(), "test-redis-"));
  let child: ChildProcess | undefined;

  async function start(): Promise<void> {
    const words = [
      "--port",
      String(port),
      "--bind",
      host,
      "--dir",
      folder,
      "--save",
      "",
      "--protected-mode",
      "no",
      ...settings,
    ];
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
  return { port, url: `redis://${host}:${port}`, start, kill, pause, resume };
}
