import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { freePort } from "../../src/demo/cluster.ts";
import { accepts } from "./accepts.ts";
import { requireCommand } from "./commands.ts";
import { defer } from "./defer.ts";
import { testFolder } from "./postgres.ts";

/** Starts an nginx that passes everything on to an origin, and answers its URL; or skips the test where there is none. */
export async function startNginx(t: TestContext, origin: string): Promise<string | undefined> {
  return startNginxServer(t, [
    `location / { proxy_pass ${origin}; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $http_host; }`,
  ]);
}

/** Starts an nginx with these lines in its server, and answers its URL; or skips the test where there is none. */
export async function startNginxServer(t: TestContext, server: readonly string[]): Promise<string | undefined> {
  const program = requireCommand(t, "nginx");
  if (program === undefined) return undefined;
  const folder = await testFolder(t);
  const port = await freePort();
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (kind) => `${kind}_temp_path ${folder}/${kind};`,
  );
  await mkdir(folder, { recursive: true });
  const lines = [
    `daemon off; master_process off; pid ${folder}/nginx.pid; error_log ${folder}/error.log error;`,
    "events { worker_connections 256; }",
    `http { access_log off; ${temporary.join(" ")}`,
    `server { listen 127.0.0.1:${port};`,
    ...server,
    "} }",
  ];
  await writeFile(join(folder, "nginx.conf"), `${lines.join("\n")}\n`);
  const child = spawn(program, ["-p", folder, "-c", join(folder, "nginx.conf")], { stdio: "ignore" });
  defer(t, async () => {
    if (child.exitCode !== null) return;
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  });
  while (!(await accepts(port))) {
    if (child.exitCode !== null) throw new Error("nginx did not start");
    await delay(10);
  }
  return `http://127.0.0.1:${port}`;
}
