import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Source } from "../../src/api/source.ts";
import { accepts } from "../support/accepts.ts";
import { defer, type TestScope } from "../support/defer.ts";
import { testFolder } from "../support/postgres.ts";
import { serveSources } from "../support/server.ts";

/** An API behind an edge, which tells how often it was asked and can be made to fail. */
export interface Origin {
  readonly host: string;
  /** Requests that reached it, by path. */
  asked(path: string): number;
  /** Of those, the ones that brought `If-None-Match`. */
  readonly conditional: string[];
  isFailing: boolean;
}

/** Long enough to be worth compressing. */
const FILLING = "and so on, ".repeat(200);

/** The server itself, without its own cache, so that what is seen is the edge's doing. */
export async function startOrigin(t: TestScope): Promise<Origin> {
  const asked = new Map<string, number>();
  const conditional: string[] = [];
  const origin = { isFailing: false };
  const source: Source = {
    name: "things",
    async resolve({ subpath, method, headers: { accept, "if-none-match": condition } }) {
      const count = (asked.get(subpath) ?? 0) + 1;
      asked.set(subpath, count);
      if (condition !== undefined) conditional.push(subpath);
      if (origin.isFailing) return { status: 503, headers: { "cache-control": "no-store" }, body: "failing" };
      if (subpath.startsWith("/slow")) await delay(100);
      const headers: Record<string, string> = {
        "content-type": "application/json",
        "cache-control": CONTROL[subpath.split("/")[1] ?? ""] ?? "max-age=600",
        "surrogate-key": `things ${subpath.slice(1).replaceAll("/", ":")}`,
      };
      if (subpath.startsWith("/varied")) headers["vary"] = "Accept";
      // What stays the same keeps its ETag.
      const times = subpath.startsWith("/same") ? 0 : count;
      return { status: 200, headers, body: JSON.stringify({ times, method, accept, FILLING }) };
    },
  };
  const { url } = await serveSources(
    t,
    { "/": source },
    { cache: { enabled: false }, compression: { enabled: false } },
  );
  return Object.assign(origin, {
    host: new URL(url).host,
    asked: (path: string) => asked.get(path) ?? 0,
    conditional,
  });
}

const CONTROL: Readonly<Record<string, string>> = {
  brief: "max-age=1",
  same: "max-age=1",
  private: "private, max-age=600",
  never: "no-store",
};

/** Starts nginx with a file in its `http` block. */
export async function runNginx(t: TestScope, program: string, configuration: string, port: number): Promise<void> {
  const folder = await testFolder(t);
  await mkdir(folder, { recursive: true });
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (kind) => `${kind}_temp_path ${folder}/${kind};`,
  );
  await writeFile(join(folder, "hotpath.conf"), configuration);
  const lines = [
    `daemon off; master_process off; pid ${folder}/nginx.pid; error_log ${folder}/error.log error;`,
    "events { worker_connections 256; }",
    `http { access_log off; ${temporary.join(" ")} include ${folder}/hotpath.conf; }`,
  ];
  await writeFile(join(folder, "nginx.conf"), `${lines.join("\n")}\n`);
  await run(t, program, ["-p", folder, "-c", join(folder, "nginx.conf")], port);
}

/** Starts Varnish with a VCL. */
export async function runVarnish(t: TestScope, program: string, configuration: string, port: number): Promise<void> {
  const folder = await testFolder(t);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "hotpath.vcl"), configuration);
  const words = ["-F", "-j", "none", "-n", join(folder, "varnish"), "-s", "malloc,32m", "-a", `127.0.0.1:${port}`];
  await run(t, program, [...words, "-f", join(folder, "hotpath.vcl")], port);
}

async function run(t: TestScope, program: string, words: readonly string[], port: number): Promise<void> {
  const child = spawn(program, words, { stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => (said = (said + text).slice(-5000)));
  }
  defer(t, async () => {
    if (child.exitCode !== null) return;
    const ended = once(child, "exit");
    child.kill("SIGTERM");
    const timer = setTimeout(() => child.kill("SIGKILL"), 10_000);
    await ended;
    clearTimeout(timer);
  });
  while (!(await accepts(port))) {
    if (child.exitCode !== null) throw new Error(`${program} did not start: ${said}`);
    await delay(20);
  }
}
