import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import type { TestContext } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { freePort } from "../../src/demo/cluster.ts";
import { requireCommand } from "./commands.ts";
import { defer, type TestScope } from "./defer.ts";

/** Starts a Memcached and answers its `host:port`, or skips the test where there is none. It is gone when the scope has ended. */
export async function startMemcached(t: TestContext, scope: TestScope = t): Promise<string | undefined> {
  const program = requireCommand(t, "memcached");
  if (program === undefined) return undefined;
  const port = await freePort();
  const user = process.getuid?.() === 0 ? ["-u", "nobody"] : [];
  const child = spawn(program, ["-l", "127.0.0.1", "-p", String(port), ...user], { stdio: "ignore" });
  defer(scope, async () => {
    if (child.exitCode !== null) return;
    const exit = once(child, "exit");
    child.kill("SIGKILL");
    await exit;
  });
  // It says nothing when it is ready; a connection does.
  while (!(await accepts(port))) {
    if (child.exitCode !== null) throw new Error(`memcached did not start on port ${port}`);
    await delay(10);
  }
  return `127.0.0.1:${port}`;
}

async function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => resolve(true));
    socket.once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}
