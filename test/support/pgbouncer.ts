import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { freePort } from "../../src/demo/cluster.ts";
import { requireCommand } from "./commands.ts";
import { defer } from "./defer.ts";
import { testFolder } from "./postgres.ts";

/**
 * Starts a PgBouncer that gives each transaction another of a few connections to a database, and answers the URL of the database through
 * it; or skips the test where there is none.
 *
 * @param settings of its `[pgbouncer]` section, beside those of every test
 */
export async function startPgBouncer(
  t: TestContext,
  url: string,
  settings: Readonly<Record<string, string | number>> = {},
): Promise<string | undefined> {
  const program = requireCommand(t, "pgbouncer");
  if (program === undefined) return undefined;
  const folder = await testFolder(t);
  const { hostname, port, username, password, pathname } = new URL(url);
  const name = pathname.slice(1);
  const ownPort = await freePort();
  const all = {
    listen_addr: "127.0.0.1",
    listen_port: ownPort,
    unix_socket_dir: "",
    auth_type: "any",
    pool_mode: "transaction",
    default_pool_size: 4,
    ...settings,
  };
  const server = `host=${hostname} port=${port} dbname=${name} user=${username} password=${decodeURIComponent(password)}`;
  const lines = ["[databases]", `${name} = ${server}`, "[pgbouncer]"];
  for (const [key, value] of Object.entries(all)) lines.push(`${key} = ${value}`);
  const file = join(folder, "pgbouncer.ini");
  await writeFile(file, `${lines.join("\n")}\n`);
  // It refuses to run as root.
  const { uid, gid } = process.getuid?.() === 0 ? NOBODY : { uid: undefined, gid: undefined };
  const child = spawn(program, [file], {
    stdio: ["ignore", "ignore", "pipe"],
    ...(uid !== undefined && { uid, gid }),
  });
  defer(t, async () => {
    if (child.exitCode !== null) return;
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  });
  let said = "";
  const up = Promise.withResolvers<void>();
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said += text;
    if (/process up/.test(said)) up.resolve();
  });
  child.once("exit", () => up.reject(new Error(`PgBouncer did not start: ${said}`)));
  await up.promise;
  const through = new URL(url);
  through.hostname = "127.0.0.1";
  through.port = String(ownPort);
  return through.href;
}

const NOBODY = { uid: 65_534, gid: 65_534 };
