// What `npm test` runs: type check, lint, format, generated docs, then every test on one shared PostgreSQL.
//
//   npm test                              everything
//   npm test -- --only unit               one step: check, lint, format, docs or unit
//   npm test -- cache pagination          only test files whose path contains one of the words
import { spawn } from "node:child_process";
import { existsSync, globSync } from "node:fs";
import { rm } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { HotpathError } from "../src/errors.ts";
import { installMissingCommands } from "./support/install-commands.ts";
import { SHARED_CLUSTER, startTestCluster, temporaryFolder } from "./support/postgres.ts";

interface Step {
  readonly name: string;
  readonly title: string;
  readonly run: (patterns: readonly string[]) => Promise<number>;
}

const ROOT = fileURLToPath(new URL("..", import.meta.url));
/** A single test that takes longer is stuck. */
const TEST_TIMEOUT_MS = 120_000;
/** How long a tool may take to end after Ctrl-C before it is killed. */
const STOP_TIMEOUT_MS = 5000;
/** What a shell answers for a program that Ctrl-C ended. */
const INTERRUPTED = 130;

const STEPS: readonly Step[] = [
  { name: "check", title: "type check", run: () => runTool("tsc", ["-p", "tsconfig.json"]) },
  { name: "check", title: "type check of the dashboard", run: () => runTool("tsc", ["-p", "src/dashboard"]) },
  { name: "lint", title: "lint", run: () => runTool("oxlint", ["--type-aware", "--deny-warnings", "--quiet"]) },
  { name: "format", title: "format", run: () => runTool("oxfmt", ["--check", "."]) },
  { name: "docs", title: "generated docs", run: checkDocs },
  { name: "unit", title: "tests", run: runTests },
];

const interruption = new AbortController();
process.on("SIGINT", () => interruption.abort());
process.on("SIGTERM", () => interruption.abort());
process.exitCode = await main();

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({ options: { only: { type: "string" } }, allowPositionals: true });
  const only = values.only ?? (positionals.length > 0 ? "unit" : undefined);
  if (only !== undefined && STEPS.every(({ name }) => name !== only)) {
    say(`--only takes one of ${STEPS.map(({ name }) => name).join(", ")}, not ${only}`);
    return 2;
  }
  const failed: string[] = [];
  for (const step of STEPS.filter(({ name }) => only === undefined || name === only)) {
    // The last lines are those of Node's test runner, which counts; what failed before is said once more here.
    if (step.name === "unit" && failed.length > 0) say(`FAILED so far: ${failed.join(", ")}`);
    const started = performance.now();
    const status = await step.run(positionals);
    if (interruption.signal.aborted) return INTERRUPTED;
    if (status !== 0) failed.push(step.title);
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    if (step.name !== "unit") say(`${status === 0 ? "ok    " : "FAILED"} ${step.title} (${seconds} s)`);
  }
  return failed.length > 0 ? 1 : 0;
}

async function checkDocs(): Promise<number> {
  return existsSync(join(ROOT, "scripts/docs.ts")) ? run(process.execPath, ["scripts/docs.ts", "--check"]) : 0;
}

async function runTests(patterns: readonly string[]): Promise<number> {
  const files = globSync("test/**/*.test.ts", { cwd: ROOT })
    .sort()
    .filter((file) => patterns.length === 0 || patterns.some((pattern) => file.includes(pattern)));
  if (files.length === 0) {
    say(`no test file's path contains ${patterns.join(" or ")}`);
    return 2;
  }
  await installMissingCommands(say, interruption.signal);
  if (interruption.signal.aborted) return INTERRUPTED;
  const folder = await temporaryFolder();
  try {
    const cluster = await startTestCluster(join(folder, "cluster"));
    const env = { [SHARED_CLUSTER]: cluster.url, TMPDIR: folder };
    const status = await run(process.execPath, ["--test", ...runnerOptions(), ...files], env);
    await cluster.stop("immediate");
    return status;
  } catch (error) {
    say(error instanceof HotpathError ? `${error.message}\n${error.todo}` : String(error));
    return 1;
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

function runnerOptions(): string[] {
  // Tests wait for servers and databases about as long as they compute.
  const concurrency = Math.max(3, Math.min(availableParallelism(), 4));
  return [
    `--test-concurrency=${concurrency}`,
    `--test-timeout=${TEST_TIMEOUT_MS}`,
    "--test-reporter=spec",
    "--test-reporter-destination=stdout",
  ];
}

async function runTool(name: string, words: readonly string[]): Promise<number> {
  return run(join(ROOT, "node_modules/.bin", name), words);
}

/** Runs a program to its end and answers its exit status. Ctrl-C ends it, within `STOP_TIMEOUT_MS` if need be by force. */
async function run(program: string, words: readonly string[], env: Record<string, string> = {}): Promise<number> {
  return new Promise((resolve) => {
    const child = spawn(program, words, {
      cwd: ROOT,
      // The Node of this repository comes first, whatever the machine has.
      env: { ...process.env, PATH: `${dirname(process.execPath)}:${process.env["PATH"]}`, ...env },
      stdio: ["ignore", "inherit", "inherit"],
    });
    const interrupt = (): void => {
      child.kill("SIGTERM");
      setTimeout(() => child.kill("SIGKILL"), STOP_TIMEOUT_MS).unref();
    };
    if (interruption.signal.aborted) interrupt();
    interruption.signal.addEventListener("abort", interrupt, { once: true });
    child.once("error", (error) => {
      say(`${program}: ${error.message}`);
      resolve(1);
    });
    child.once("exit", (status) => {
      interruption.signal.removeEventListener("abort", interrupt);
      resolve(status ?? 1);
    });
  });
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
