import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArguments } from "../../src/cli/arguments.ts";
import { postgrest } from "../../src/cli/postgrest/command.ts";
import { exitStatus, reportError } from "../../src/cli/report.ts";
import type { Terminal } from "../../src/cli/terminal.ts";
import type { TestScope } from "../support/defer.ts";
import { runSql, testDatabase, testFolder } from "../support/postgres.ts";
import { type CaseResult, POSTGREST_SUITE } from "./postgrest-suite.ts";

/** A case of PostgREST's own command line. */
interface CommandCase {
  readonly id: number;
  readonly area: string;
  readonly feature: string;
  readonly kind?: string;
  readonly request: { readonly flag: string };
  readonly config_block: {
    readonly env?: Readonly<Record<string, string>>;
    readonly file?: Readonly<Record<string, string | number | boolean>>;
    readonly preconditions_sql?: readonly string[];
  };
  readonly expect: {
    readonly exit_code: 0 | "nonzero";
    readonly dump_contains?: readonly string[];
    readonly stderr_contains?: string;
    readonly dump_reparse_stable?: boolean;
  };
}

/** Runs the suite's cases of the command line, which its own runner leaves out, against `hotpath postgrest`. */
export async function runCommandCases(scope: TestScope): Promise<readonly CaseResult[]> {
  const { cases } = JSON.parse(await readFile(join(POSTGREST_SUITE, "cases.json"), "utf8")) as {
    cases: readonly CommandCase[];
  };
  const database = new URL(await testDatabase(scope));
  const folder = await testFolder(scope);
  // What libpq would connect to, where a case leaves that open. pg reads it of the process.
  const { hostname: PGHOST, port: PGPORT, username: PGUSER, password: PGPASSWORD } = database;
  const libpq = { PGHOST, PGPORT, PGUSER, PGPASSWORD, PGDATABASE: database.pathname.slice(1) };
  Object.assign(process.env, libpq);

  const results: CaseResult[] = [];
  for (const one of cases.filter(({ kind }) => kind === "cli")) {
    const { id, area, feature, config_block: given } = one;
    const role = given.env?.["PGUSER"] ?? "";
    const prepared = given.preconditions_sql;
    try {
      if (prepared !== undefined) {
        await runSql(database.href, [...prepared, `alter role ${role} password '${PGPASSWORD}'`].join(";"));
      }
      const reasons = await judge(one, folder, libpq);
      results.push({ id, area, feature, pass: reasons.length === 0, reasons });
    } finally {
      // Roles belong to the cluster and would outlive the database.
      if (prepared !== undefined) await runSql(database.href, `drop role ${role}`);
    }
  }
  return results;
}

/** What does not hold of a case. */
async function judge(
  { id, request: { flag }, config_block: given, expect }: CommandCase,
  folder: string,
  libpq: Readonly<Record<string, string>>,
): Promise<readonly string[]> {
  const argv = flag.startsWith("--") ? [flag] : [join(folder, flag)];
  if (given.file !== undefined) {
    const lines = Object.entries(given.file).map(([name, value]) => `${name} = ${JSON.stringify(value)}\n`);
    argv.push(join(folder, `${id}.conf`));
    await writeFile(argv.at(-1)!, lines.join(""));
  }
  const { status, out, err } = await runPostgrest(argv, { ...libpq, ...given.env });
  const reasons: string[] = [];
  if ((status === 0) !== (expect.exit_code === 0)) reasons.push(`it ended with ${status}: ${err}`);
  for (const line of expect.dump_contains ?? []) {
    if (!`\n${out}`.includes(`\n${line}\n`)) reasons.push(`no line ${line}`);
  }
  if (!err.includes(expect.stderr_contains ?? "")) reasons.push(`it said: ${err}`);
  if (expect.dump_reparse_stable === true) {
    const path = join(folder, `${id}.dumped.conf`);
    await writeFile(path, out);
    if ((await runPostgrest(["--dump-config", path], libpq)).out !== out) reasons.push("the dump of the dump differs");
  }
  return reasons;
}

/** The command as the command line runs it, without a process of its own. */
async function runPostgrest(
  argv: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<{ readonly status: number; readonly out: string; readonly err: string }> {
  let out = "";
  let err = "";
  const terminal: Terminal = {
    out: (text) => void (out += text),
    err: (text) => void (err += text),
    isInteractive: false,
    bold: String,
    dim: String,
    red: String,
  };
  try {
    const { wantsHelp: _wantsHelp, ...given } = parseArguments(postgrest, argv);
    await postgrest.run({ ...given, environment, directory: process.cwd(), terminal });
    return { status: 0, out, err };
  } catch (error) {
    reportError(error, terminal, environment);
    return { status: exitStatus(error), out, err };
  }
}
