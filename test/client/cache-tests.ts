// Scores the client with the public suite http-tests/cache-tests, run as that suite runs in browsers: its own client, with our `fetch`
// in place of the global one. None of its code is here; name a checkout with its npm packages installed.
//
//   CACHE_TESTS=/path/to/cache-tests node test/client/cache-tests.ts [--failures] [--id ID] [--bare]
//
// --bare leaves the global `fetch`, which has no cache, in place: the floor.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { createClient } from "../../src/client/index.ts";

interface SuiteTest {
  readonly id: string;
  readonly kind?: "required" | "optimal" | "check";
  readonly depends_on?: readonly string[];
  readonly browser_skip?: boolean;
  readonly cdn_only?: boolean;
  dump?: boolean;
}

interface SuiteGroup {
  readonly id: string;
  readonly tests: readonly SuiteTest[];
}

interface Runner {
  readonly runTests: (groups: readonly SuiteGroup[], isBrowser: boolean, base: string) => Promise<void>;
  readonly getResults: () => Readonly<Record<string, true | readonly [string, string]>>;
}

const ORIGIN_START_MS = 10_000;
const KINDS = ["required", "optimal", "check"] as const;

const { values } = parseArgs({
  options: { failures: { type: "boolean" }, id: { type: "string" }, bare: { type: "boolean" } },
});
const folder = process.env["CACHE_TESTS"];
if (folder === undefined) throw new Error("CACHE_TESTS names no checkout of http-tests/cache-tests.");
const suite = resolve(folder);
const port = 20_000 + (process.pid % 10_000);

const groups = ((await load("tests/index.mjs")) as { default: SuiteGroup[] }).default;
const { runTests, getResults } = (await load("test-engine/client/runner.mjs")) as Runner;
const origin = await startOrigin();
// Retries are not the cache's business, and the suite counts a request sent twice as a mistake of its own kind.
if (values.bare !== true) globalThis.fetch = createClient({ retries: 0 }).fetch;
try {
  await runTests(values.id === undefined ? groups : only(values.id), true, `http://127.0.0.1:${port}`);
  if (values.id === undefined) report();
  else say(JSON.stringify(getResults()[values.id]));
} finally {
  origin.kill();
}

async function load(path: string): Promise<unknown> {
  return import(pathToFileURL(join(suite, path)).href);
}

function only(id: string): readonly SuiteGroup[] {
  return groups.map((group) => ({
    ...group,
    tests: group.tests.filter((each) => each.id === id).map((each) => ({ ...each, dump: true })),
  }));
}

async function startOrigin(): Promise<{ kill(): void }> {
  const child = spawn(process.execPath, ["--no-warnings", "test-engine/server/server.mjs"], {
    cwd: suite,
    env: {
      ...process.env,
      npm_config_protocol: "http",
      npm_config_port: String(port),
      npm_config_base: "",
      npm_config_pidfile: join(suite, `.origin-${process.pid}.pid`),
    },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [first] = (await once(child.stdout, "data", { signal: AbortSignal.timeout(ORIGIN_START_MS) })) as [Buffer];
  if (!first.toString().includes("Listening")) throw new Error(`The suite's origin says: ${first.toString()}`);
  if (values.id !== undefined) child.stdout.pipe(process.stdout);
  else child.stdout.resume();
  return { kill: () => child.kill() };
}

/** Counts as cache-tests.fyi does: a test passes only if all that it depends on pass, too. */
function report(): void {
  const results = getResults();
  const tests = groups.flatMap((group) => group.tests);
  const byId = new Map(tests.map((each) => [each.id, each]));
  const passes = (id: string): boolean =>
    results[id] === true && (byId.get(id)?.depends_on ?? []).every((other) => passes(other));
  const counted = tests.filter((each) => each.browser_skip !== true && each.cdn_only !== true);
  for (const kind of KINDS) {
    const ofKind = counted.filter((each) => (each.kind ?? "required") === kind);
    const failed = ofKind.filter((each) => !passes(each.id));
    say(`${kind.padEnd(9)} ${ofKind.length - failed.length}/${ofKind.length}`);
    if (values.failures !== true) continue;
    for (const { id } of failed) say(`  ${id}  ${results[id] === true ? "(depends)" : String(results[id])}`);
  }
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
