import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { Agent } from "node:http";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { setTimeout as delay } from "node:timers/promises";
import { freePort } from "../../src/demo/cluster.ts";
import { defer, type TestScope } from "../support/defer.ts";
import { testFolder } from "../support/postgres.ts";
import { type Answer, sendRequest } from "../support/server.ts";

const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
const INDEX = new URL("../../src/index.ts", import.meta.url).href;

/** A supervisor with its workers, and clients of theirs. */
export interface Workers {
  readonly url: string;
  readonly adminUrl: string;
  readonly child: ChildProcess;
  /** All that it said so far. */
  readonly said: () => string;
  /** Writes the config file anew. */
  configure(config: string): Promise<void>;
  /** Puts new workers in place of the old ones; answers whether it went well. */
  reload(): Promise<boolean>;
  /** Processes that answer, by asking the admin listener. */
  ready(): Promise<number>;
  /** A client with a connection of its own, which it keeps. */
  client(): Client;
  metric(line: RegExp): Promise<number>;
}

/** Speaks to one worker at a time. */
export interface Client {
  get(path: string, headers?: Readonly<Record<string, string>>): Promise<Answer>;
  send(method: string, path: string, content?: string): Promise<Answer>;
  /** The process that answers. */
  worker(): Promise<number>;
  close(): void;
}

/** Long enough for a machine that does much else. */
const PATIENCE_MS = 60_000;

/**
 * Starts `hotpath serve --workers` in a folder of its own.
 *
 * @param config what `defineApi` takes, as source text; `get`, `postgres` and `upstream` are in scope, and `/who` tells the process
 */
export async function startWorkers(
  t: TestScope,
  config: string,
  flags: readonly string[] = [],
  count = 2,
): Promise<Workers> {
  const folder = await testFolder(t);
  await mkdir(folder, { recursive: true });
  const configure = (text: string): Promise<void> => writeFile(join(folder, "hotpath.config.ts"), toModule(text));
  await configure(config);
  const [port, adminPort] = [await freePort(), await freePort()];
  const inherited = Object.entries(process.env).filter(([name]) => !/^(HOTPATH_|PGRST_|NODE_)/.test(name));
  const words = [
    "serve",
    "--workers",
    String(count),
    "--port",
    String(port),
    "--admin-port",
    String(adminPort),
    ...flags,
  ];
  const child = spawn(process.execPath, [MAIN, ...words], {
    cwd: folder,
    env: Object.fromEntries(inherited),
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => (said = (said + text).slice(-200_000)));
  }
  defer(t, () => stop(child));
  await poll(() => {
    if (child.exitCode !== null) throw new Error(`the supervisor ended: ${said}`);
    return said.includes("hotpath is ready") || said.includes("hotpath listens");
  }, `the workers are up: ${said}`);
  const url = `http://127.0.0.1:${port}`;
  const adminUrl = `http://127.0.0.1:${adminPort}`;
  const metric = async (line: RegExp): Promise<number> => {
    const { text } = await sendRequest(adminUrl, "GET", "/metrics", {});
    return text
      .split("\n")
      .filter((each) => line.test(each))
      .reduce((sum, each) => sum + Number(each.slice(each.lastIndexOf(" ") + 1)), 0);
  };
  const reloads = (outcome: string) => metric(new RegExp(`^hotpath_worker_reloads_total\\{outcome="${outcome}"`));
  return {
    url,
    adminUrl,
    child,
    said: () => said,
    configure,
    async reload() {
      const [done, failed] = [await reloads("done"), await reloads("failed")];
      child.kill("SIGHUP");
      await poll(
        async () => (await reloads("done")) > done || (await reloads("failed")) > failed,
        "the reload has an outcome",
      );
      return (await reloads("done")) > done;
    },
    ready: () => metric(/^hotpath_workers /),
    client: () => createClient(url),
    metric,
  };
}

function createClient(url: string): Client {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const get: Client["get"] = (path, headers = {}) => sendRequest(url, "GET", path, headers, undefined, agent);
  return {
    get,
    send: (method, path, content) =>
      sendRequest(url, method, path, { "content-type": "application/json" }, content, agent),
    async worker() {
      return (JSON.parse((await get("/who")).text) as { readonly pid: number }).pid;
    },
    close: () => agent.destroy(),
  };
}

function toModule(config: string): string {
  return `import { defineApi, get, post, postgres, upstream } from ${JSON.stringify(INDEX)};
const who = get("/who", { handle: () => ({ pid: process.pid }) });
export default defineApi(${config});
void [post, postgres, upstream, who];
`;
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), PATIENCE_MS);
  await ended;
  clearTimeout(timer);
}

/** Waits until something is so. */
export async function poll(is: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const startedAt = performance.now();
  while (!(await is())) {
    if (performance.now() - startedAt > PATIENCE_MS) throw new Error(`not in time: ${what}`);
    await delay(20);
  }
}

/** Two clients whose connections lie with different workers. */
export async function clientsOfTwo(workers: Workers): Promise<[Client, Client]> {
  const first = workers.client();
  const pid = await first.worker();
  for (let tries = 0; tries < 50; tries++) {
    const second = workers.client();
    if ((await second.worker()) !== pid) return [first, second];
    second.close();
  }
  throw new Error("all connections came to one worker");
}
