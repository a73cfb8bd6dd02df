import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { AskedNode } from "../consistency/clients.ts";
import { defer, type TestScope } from "../support/defer.ts";
import type { Host } from "../support/network.ts";
import { testFolder } from "../support/postgres.ts";
import { sendRequest } from "../support/server.ts";
import { poll } from "../workers/harness.ts";

/** Networks of a run: a node can be cut off from each alone. */
export type NetworkName = "redis" | "database" | "clients";

/** `hotpath serve` on a host of its own. */
export interface ClusterNode extends AskedNode {
  readonly host: Host<NetworkName>;
  /** Ends it as a crash would, and starts another in its place; of the version in a folder, where that is said. */
  replace(folder?: string): Promise<void>;
  readonly said: () => string;
}

const OWN = fileURLToPath(new URL("../../", import.meta.url));
const PORT = 3000;
/** One name for all: what one node stores in Redis is the others', too. */
const NAME = "register.example";

/** @param config what `defineApi` takes, as source text */
export async function startNode(t: TestScope, host: Host<NetworkName>, config: string): Promise<ClusterNode> {
  const folder = await testFolder(t);
  await mkdir(folder, { recursive: true });
  const configure = (version: string): Promise<void> =>
    writeFile(
      join(folder, "hotpath.config.ts"),
      `import { defineApi, get, postgres, upstream } from ${JSON.stringify(pathToFileURL(join(version, "src/index.ts")))};\nexport default defineApi(${config});\nvoid [get, postgres, upstream];\n`,
    );
  const url = `http://${host.address("clients")}:${PORT}`;
  const inherited = Object.entries(process.env).filter(([name]) => !/^(HOTPATH_|PGRST_|NODE_)/.test(name));
  let said = "";
  let child: ChildProcess | undefined;

  async function start(version: string): Promise<void> {
    await configure(version);
    const [command = "", ...prefix] = host.prefix;
    const words = [
      ...prefix,
      process.execPath,
      join(version, "src/cli/main.ts"),
      "serve",
      "--host",
      "0.0.0.0",
      "--port",
      String(PORT),
      "--admin-port",
      "0",
    ];
    const started = spawn(command, words, {
      cwd: folder,
      env: Object.fromEntries(inherited),
      stdio: ["ignore", "pipe", "pipe"],
    });
    child = started;
    for (const stream of [started.stdout, started.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => (said = (said + text).slice(-100_000)));
    }
    await poll(async () => {
      if (started.exitCode !== null) throw new Error(`the node ended: ${said}`);
      const answer = await sendRequest(url, "GET", "/kept/0", { host: NAME }).catch(() => undefined);
      return answer?.status === 200;
    }, "the node is up");
  }

  async function kill(): Promise<void> {
    const ended = child;
    child = undefined;
    if (ended === undefined || ended.exitCode !== null || ended.signalCode !== null) return;
    const exit = once(ended, "exit");
    ended.kill("SIGKILL");
    await exit;
  }

  defer(t, kill);
  await start(OWN);
  const send: AskedNode["send"] = (method, path, headers, content) =>
    sendRequest(url, method, path, { host: NAME, ...headers }, content);
  return {
    host,
    send,
    get: (path, headers) => send("GET", path, headers),
    said: () => said,
    async replace(version = OWN) {
      await kill();
      await start(version);
    },
  };
}
