import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { findCommand } from "../test/support/commands.ts";
import { installMissingCommands } from "../test/support/install-commands.ts";

/** The repository. */
export const ROOT = fileURLToPath(new URL("..", import.meta.url));
/** Hotpath as a user runs it: compiled. */
export const HOTPATH = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));

/** Packages without which the rivals do not run. */
const RIVALS = [
  "fastify",
  "fast-jwt",
  "@fastify/http-proxy",
  "@fastify/under-pressure",
  "http-proxy",
  "lru-cache",
  "cacheable",
  "bentocache",
];

/** Builds hotpath and installs what the bench needs besides. */
export async function prepareMachine(
  say: (line: string) => void,
  options: { readonly build: boolean; readonly signal: AbortSignal },
): Promise<void> {
  if (RIVALS.some((name) => !existsSync(new URL(`node_modules/${name}`, import.meta.url)))) {
    say("installing the rivals: npm install --prefix bench");
    run("npm", ["install", "--prefix", "bench", "--no-audit", "--no-fund"]);
  }
  if (options.build || !existsSync(HOTPATH)) run(process.execPath, ["scripts/build.ts"]);
  if (findCommand("wrk") === undefined) await installMissingCommands(say, options.signal);
}

function run(command: string, words: readonly string[]): void {
  const { status, error } = spawnSync(command, words, { cwd: ROOT, stdio: ["ignore", "inherit", "inherit"] });
  if (status !== 0) throw new Error(`${command} ${words.join(" ")} failed`, { cause: error });
}
