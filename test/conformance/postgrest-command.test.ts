import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { parseArguments } from "../../src/cli/arguments.ts";
import { postgrest } from "../../src/cli/postgrest/command.ts";
import { exitStatus, reportError } from "../../src/cli/report.ts";
import type { Terminal } from "../../src/cli/terminal.ts";
import { runSql, testDatabase, testFolder } from "../support/postgres.ts";

/** The suite lies beside the repository, not in it. */
const CASES = fileURLToPath(new URL("../../../shared/conformance/postgrest/cases.json", import.meta.url));

/** A case of PostgREST's own command line. */
interface CommandCase {
  readonly id: number;
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

test("PostgREST's conformance cases of the command line", async (t) => {
  if (!existsSync(CASES)) {
    t.skip("the conformance suite is not at ../shared/conformance/postgrest beside the repository");
    return;
  }
  const { cases } = JSON.parse(await readFile(CASES, "utf8")) as { cases: readonly CommandCase[] };
  const commands = cases.filter(({ kind }) => kind === "cli");
  assert.equal(commands.length, 26);
  const database = new URL(await testDatabase(t));
  const folder = await testFolder(t);
  // What libpq would connect to, where a case leaves that open.
  const { hostname: PGHOST, port: PGPORT, username: PGUSER, password: PGPASSWORD } = database;
  const libpq = { PGHOST, PGPORT, PGUSER, PGPASSWORD, PGDATABASE: database.pathname.slice(1) };
  Object.assign(process.env, libpq);

  const run = async (one: CommandCase, file = one.config_block.file): Promise<Outcome> => {
    const argv = one.request.flag.startsWith("--") ? [one.request.flag] : [];
    if (!one.request.flag.startsWith("--")) argv.push(join(folder, one.request.flag));
    else if (file !== undefined) {
      argv.push(join(folder, `${one.id}.conf`));
      const lines = Object.entries(file).map(([name, value]) => `${name} = ${JSON.stringify(value)}\n`);
      await writeFile(argv.at(-1)!, lines.join(""));
    }
    return runPostgrest(argv, { ...libpq, ...one.config_block.env });
  };

  const judge = async (one: CommandCase): Promise<void> => {
    const { status, out, err } = await run(one);
    const told = `${one.id}: ${status}\n${out}${err}`;
    if (one.expect.exit_code === 0) assert.equal(status, 0, told);
    else assert.ok(status !== null && status !== 0, told);
    for (const line of one.expect.dump_contains ?? [])
      assert.ok(`\n${out}`.includes(`\n${line}\n`), `${line}\n${told}`);
    assert.ok(err.includes(one.expect.stderr_contains ?? ""), told);
    if (one.expect.dump_reparse_stable !== true) return;
    const path = join(folder, `${one.id}.dumped.conf`);
    await writeFile(path, out);
    const again = await runPostgrest(["--dump-config", path], libpq);
    assert.equal(again.out, out);
  };

  for (const one of commands) {
    const statements = one.config_block.preconditions_sql;
    if (statements === undefined) await judge(one);
    else await withRole(one, statements, () => judge(one));
  }

  /** Roles belong to the cluster and would outlive the test's database. */
  async function withRole(one: CommandCase, statements: readonly string[], use: () => Promise<void>): Promise<void> {
    const role = one.config_block.env?.["PGUSER"] ?? "";
    await runSql(database.href, [...statements, `alter role ${role} password '${PGPASSWORD}'`].join(";"));
    try {
      await use();
    } finally {
      await runSql(database.href, `drop role ${role}`);
    }
  }
});

interface Outcome {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

/** The command as the command line runs it, without a process of its own. */
async function runPostgrest(argv: readonly string[], environment: Readonly<Record<string, string>>): Promise<Outcome> {
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
