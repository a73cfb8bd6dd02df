// Scores hotpath by PostgREST's conformance cases and prints the result; with --write, puts it into docs/conformance.md.
//
//   npm run conformance -- postgrest [--write]
import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { runCommandCases } from "../test/conformance/postgrest-commands.ts";
import { KNOWN_FAILURES } from "../test/conformance/known-failures.ts";
import { type CaseResult, openPostgrestSuite, type SuiteRun } from "../test/conformance/postgrest-suite.ts";

const DOCUMENT = fileURLToPath(new URL("../docs/conformance.md", import.meta.url));
const BEGIN = "<!-- Written by `npm run conformance -- postgrest --write`. -->";
const END = "<!-- End of what is written. -->";
/** A server is started for each of some thirty configurations. */
const TIMEOUT_MS = 900_000;

const releases: (() => Promise<void> | void)[] = [];
const scope = { after: (release: () => Promise<void> | void) => void releases.push(release) };
try {
  process.exitCode = await main();
} finally {
  for (const release of releases.reverse()) await release();
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({ options: { write: { type: "boolean" } }, allowPositionals: true });
  if (positionals.join() !== "postgrest") {
    process.stderr.write("npm run conformance -- postgrest [--write]\n");
    return 2;
  }
  const suite = await openPostgrestSuite(scope);
  if (typeof suite === "string") {
    process.stderr.write(`${suite}\n`);
    return 1;
  }
  const run = await suite.run({ timeoutMs: TIMEOUT_MS });
  const commands = await runCommandCases(scope);
  const section = render(run, commands, suite.serverVersion);
  process.stdout.write(`${run.report}\n${section}\n`);
  if (values.write === true) await write(section);
  const unexplained = [...run.cases, ...commands].filter(({ id, pass }) => !pass && !(String(id) in KNOWN_FAILURES));
  return unexplained.length > 0 ? 1 : 0;
}

function render({ cases, skipped }: SuiteRun, commands: readonly CaseResult[], serverVersion: number): string {
  const areas = [...Map.groupBy(cases, ({ area }) => area)].toSorted(([one], [other]) => (one < other ? -1 : 1));
  const rows = areas.map(([area, all]) => `| ${area} | ${countPassed(all)} | ${all.length} |`);
  const failures = [...cases, ...commands]
    .filter(({ pass }) => !pass)
    .map(({ id, feature, reasons }) => `| ${id} | ${feature} | ${KNOWN_FAILURES[String(id)] ?? reasons[0] ?? ""} |`);
  const passed = countPassed(cases);
  const share = ((100 * passed) / cases.length).toFixed(1);
  return `${BEGIN}

${passed} of ${cases.length} cases over HTTP hold (${share} %), and ${countPassed(commands)} of ${commands.length} of the command line, on PostgreSQL ${serverVersion}.${
    skipped.length === 0
      ? ""
      : ` ${skipped.length} cannot run here (${[...new Set(skipped.map(({ why }) => why))].join(", ")}).`
  }

| area | hold | of |
| --- | ---: | ---: |
${rows.join("\n")}
| **all over HTTP** | ${passed} | ${cases.length} |
| command line | ${countPassed(commands)} | ${commands.length} |

What does not hold:

| case | feature | why |
| --- | --- | --- |
${failures.join("\n")}

${END}`;
}

function countPassed(cases: readonly CaseResult[]): number {
  return cases.filter(({ pass }) => pass).length;
}

async function write(section: string): Promise<void> {
  const text = await readFile(DOCUMENT, "utf8");
  const [begin, end] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (begin === -1 || end === -1) throw new Error(`${DOCUMENT} has no place for the score`);
  await writeFile(DOCUMENT, text.slice(0, begin) + section + text.slice(end + END.length));
}
