import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, globSync, realpathSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { startCluster } from "../../src/demo/cluster.ts";
import { defer } from "../support/defer.ts";
import { TEST_SETTINGS, testFolder } from "../support/postgres.ts";
import { KNOWN_FAILURES, UNDECIDED } from "./known-failures.ts";

/** The suite lies beside the repository, not in it. */
const RUNNER = fileURLToPath(new URL("../../../shared/conformance/postgrest/run.mjs", import.meta.url));
const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
/** A server is started for each of 35 configurations, and others may be busy beside it. */
const TIMEOUT_MS = 290_000;

test("PostgREST's conformance cases", { timeout: 300_000 }, async (t) => {
  if (!existsSync(RUNNER)) {
    t.skip("the conformance suite is not at ../shared/conformance/postgrest beside the repository");
    return;
  }
  const programs = newestServer();
  if (programs === undefined) {
    t.skip("no server with psql and pg_dump of its own version: apt-get install --no-install-recommends -y postgresql");
    return;
  }
  const { folder: bin, majorVersion } = programs;
  const folder = await testFolder(t);
  const cluster = await startCluster({
    dataDirectory: join(folder, "data"),
    binaries: { initdb: join(bin, "initdb"), postgres: join(bin, "postgres"), majorVersion },
    settings: TEST_SETTINGS,
  });
  defer(t, () => cluster.stop("immediate"));
  const database = new URL(cluster.url);
  database.pathname = "/conformance";
  const run = async (...words: string[]): Promise<string> => {
    const { PGOPTIONS: _options, ...inherited } = process.env;
    const env = { ...inherited, PATH: [bin, dirname(process.execPath), inherited["PATH"]].join(delimiter) };
    // The runner does nothing when it is called by another path than its own.
    const given = [realpathSync(RUNNER), ...words, "--db", database.href];
    const settings = { env, timeout: TIMEOUT_MS, maxBuffer: 1 << 26, killSignal: "SIGTERM" as const };
    return promisify(execFile)(process.execPath, given, settings).then(
      ({ stdout }) => stdout,
      // It ends with 1 when a case fails; which ones may is ours to say.
      (error: { stdout?: string; stderr?: string; code?: unknown }) => {
        assert.equal(error.code, 1, `${String(error.code)} ${error.stdout}${error.stderr}`);
        return `${error.stdout}${error.stderr}`;
      },
    );
  };
  await run("load");
  const results = join(folder, "results.json");
  const launch = `exec '${process.execPath}' '${MAIN}' postgrest`;
  const out = await run("test", "--launch", launch, "--json", results);
  const { cases } = JSON.parse(await readFile(results, "utf8")) as { cases: { id: string | number; pass: boolean }[] };
  assert.ok(cases.length >= 500, `only ${cases.length} cases ran\n${out}`);
  const failed = cases.filter(({ pass }) => !pass).map(({ id }) => String(id));
  const unknown = failed.filter((id) => !(id in KNOWN_FAILURES));
  assert.deepEqual(unknown, [], out);
  const mended = Object.keys(KNOWN_FAILURES).filter((id) => !failed.includes(id) && !UNDECIDED.has(id));
  assert.deepEqual(mended, [], "these pass: take them out of the known failures");
  t.diagnostic(`${cases.length - failed.length} of ${cases.length} cases pass on PostgreSQL ${majorVersion}`);
});

/** Debian's newest server that brings everything the runner calls. */
function newestServer(): { folder: string; majorVersion: number } | undefined {
  const needed = ["initdb", "postgres", "psql", "pg_dump"];
  return globSync("/usr/lib/postgresql/*/bin")
    .map((folder) => ({ folder, majorVersion: Number(folder.split("/").at(-2)) }))
    .filter(({ folder, majorVersion }) => majorVersion >= 13 && needed.every((name) => existsSync(join(folder, name))))
    .sort((one, other) => other.majorVersion - one.majorVersion)[0];
}
