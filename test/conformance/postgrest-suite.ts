import { execFile } from "node:child_process";
import { existsSync, globSync, realpathSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { startCluster } from "../../src/demo/cluster.ts";
import { defer, type TestScope } from "../support/defer.ts";
import { TEST_SETTINGS, testFolder } from "../support/postgres.ts";

/** The suite lies beside the repository, not in it. */
export const POSTGREST_SUITE = fileURLToPath(new URL("../../../shared/conformance/postgrest/", import.meta.url));
const RUNNER = join(POSTGREST_SUITE, "run.mjs");
const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));

/** One case and how it went. */
export interface CaseResult {
  readonly id: string | number;
  readonly area: string;
  readonly feature: string;
  readonly pass: boolean;
  /** Why not, as the runner says it. */
  readonly reasons: readonly string[];
}

/** What one run brought. */
export interface SuiteRun {
  readonly cases: readonly CaseResult[];
  /** Cases that cannot run here, such as those of an extension that is not installed. */
  readonly skipped: readonly { readonly id: string | number; readonly area: string; readonly why: string }[];
  /** The runner's own report. */
  readonly report: string;
}

/** PostgREST's conformance cases and a database for them. */
export interface PostgrestSuite {
  readonly serverVersion: number;
  /** Runs the cases of some areas, or all, against `hotpath postgrest`, started once a configuration. */
  run(options: { readonly areas?: readonly string[]; readonly timeoutMs: number }): Promise<SuiteRun>;
}

/**
 * Starts a server of PostgreSQL and loads the suite's database into it; both go with the scope. Answers a sentence that says what is
 * missing where that cannot be.
 */
export async function openPostgrestSuite(scope: TestScope): Promise<PostgrestSuite | string> {
  if (!existsSync(RUNNER))
    return "the conformance suite is not at ../shared/conformance/postgrest beside the repository";
  const programs = newestServer();
  if (programs === undefined) {
    return "no server with psql and pg_dump of its own version: apt-get install --no-install-recommends -y postgresql";
  }
  const { folder: bin, majorVersion } = programs;
  const folder = await testFolder(scope);
  const cluster = await startCluster({
    dataDirectory: join(folder, "data"),
    binaries: { initdb: join(bin, "initdb"), postgres: join(bin, "postgres"), majorVersion },
    settings: TEST_SETTINGS,
  });
  defer(scope, () => cluster.stop("immediate"));
  const database = new URL(cluster.url);
  database.pathname = "/conformance";

  const call = async (words: readonly string[], timeoutMs: number): Promise<string> => {
    const { PGOPTIONS: _options, ...inherited } = process.env;
    const env = { ...inherited, PATH: [bin, dirname(process.execPath), inherited["PATH"]].join(delimiter) };
    // The runner does nothing when it is called by another path than its own.
    const given = [realpathSync(RUNNER), ...words, "--db", database.href];
    const settings = { env, timeout: timeoutMs, maxBuffer: 1 << 26, killSignal: "SIGTERM" as const };
    return promisify(execFile)(process.execPath, given, settings).then(
      ({ stdout }) => stdout,
      (error: Error & { stdout?: string; stderr?: string; code?: unknown }) => {
        // It ends with 1 when a case fails; which ones may is ours to say.
        if (error.code === 1) return `${error.stdout}${error.stderr}`;
        throw new Error(`the runner failed: ${error.message}\n${error.stdout}${error.stderr}`, { cause: error });
      },
    );
  };
  await call(["load"], LOAD_TIMEOUT_MS);

  let runs = 0;
  return {
    serverVersion: majorVersion,
    async run({ areas, timeoutMs }) {
      const launch = `exec '${process.execPath}' '${MAIN}' postgrest`;
      const runChosen = async (chosen: readonly string[]): Promise<SuiteRun> => {
        const results = join(folder, `results-${(runs += 1)}.json`);
        const words = ["test", "--launch", launch, "--ready", String(READY_TIMEOUT_MS), ...chosen, "--json", results];
        const report = await call(words, timeoutMs);
        return { ...(JSON.parse(await readFile(results, "utf8")) as Omit<SuiteRun, "report">), report };
      };
      const run = await runChosen(areas === undefined ? [] : ["--area", areas.join(",")]);
      const again = run.cases.filter(isNotStarted);
      if (again.length === 0) return run;
      const second = await runChosen(["--only", again.map(({ id }) => id).join(",")]);
      const cases = [...run.cases.filter((each) => !isNotStarted(each)), ...second.cases];
      return { ...run, cases, report: `${run.report}\n${second.report}` };
    },
  };
}

/** The runner looks for two free ports, one after the other, and now and then finds the same one twice. Who really cannot start fails again. */
function isNotStarted({ pass, reasons }: CaseResult): boolean {
  return !pass && reasons.some((reason) => reason.startsWith("not started"));
}

const LOAD_TIMEOUT_MS = 60_000;
/** For a server to start; on a machine that does much else it takes its time. */
const READY_TIMEOUT_MS = 90_000;

/** Debian's newest server that brings everything the runner calls. */
function newestServer(): { folder: string; majorVersion: number } | undefined {
  const needed = ["initdb", "postgres", "psql", "pg_dump"];
  return globSync("/usr/lib/postgresql/*/bin")
    .map((folder) => ({ folder, majorVersion: Number(folder.split("/").at(-2)) }))
    .filter(({ folder, majorVersion }) => majorVersion >= 13 && needed.every((name) => existsSync(join(folder, name))))
    .sort((one, other) => other.majorVersion - one.majorVersion)[0];
}
