// Runs benchmarks: hotpath against hand-written servers, interleaved, in one go. See README.md.
//
//   npm run bench -- read-by-key
//   npm run bench -- all --markdown
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { BenchContext, Scenario } from "./context.ts";
import { NO_DATABASE, startDatabase } from "./database.ts";
import { chooseLoad } from "./load/load.ts";
import { chooseCores, describeMachine, pinOurselves } from "./machine.ts";
import { type Finished, writeResults } from "./results-section.ts";
import { RESULTS, SCENARIOS } from "./scenarios/index.ts";
import { prepareMachine } from "./setup.ts";
import { formatTable } from "./table.ts";

const HELP = `Usage: npm run bench -- NAME... [flags]

  NAME               ${SCENARIOS.map(({ name }) => name).join(", ")} or all
  --seconds N        length of one contestant's turn [5]
  --rounds N         turns of each contestant [3]
  --patience N       on a busy machine: up to N times as many turns, of which the least disturbed count [1]
  --connections N    keep-alive connections [64]
  --requests N       requests of the memory scenario [1000000]
  --load NAME        wrk, h2load or autocannon [the first that is installed]
  --json FILE        write all that was measured
  --markdown         replace these results in bench/README.md
  --chinook FILE     script of the Chinook database [../shared/data/chinook.sql]
  --no-build         measure dist/ as it is
`;

/** What a shell answers for a program that Ctrl-C ended. */
const INTERRUPTED = 130;

const interruption = new AbortController();
process.on("SIGINT", () => interruption.abort());
process.on("SIGTERM", () => interruption.abort());
process.exitCode = await main();

async function main(): Promise<number> {
  try {
    return await bench();
  } catch (error) {
    if (interruption.signal.aborted) return INTERRUPTED;
    say(error instanceof Error ? error.message : String(error));
    return 1;
  }
}

async function bench(): Promise<number> {
  const { values, positionals } = readArguments();
  const scenarios = SCENARIOS.filter(
    (scenario) =>
      positionals.some((word) => isNamed(scenario, word)) ||
      (positionals.includes("all") && RESULTS.includes(scenario)),
  );
  const unknown = positionals.filter(
    (word) => word !== "all" && !SCENARIOS.some((scenario) => isNamed(scenario, word)),
  );
  if (values.help || scenarios.length === 0 || unknown.length > 0) {
    process.stdout.write(HELP);
    return values.help ? 0 : 2;
  }
  const { signal } = interruption;
  await prepareMachine(say, { build: values.build, signal });
  const load = chooseLoad(values.load);
  const cores = chooseCores();
  if (cores !== undefined) pinOurselves(cores);
  const folder = await mkdtemp(join(tmpdir(), "hotpath-bench-"));
  try {
    const database = scenarios.some(({ needsDatabase = true }) => needsDatabase)
      ? await startDatabase({ chinookFile: values.chinook, say, signal })
      : NO_DATABASE;
    try {
      const machine = `${describeMachine(cores, database.version)}; ${load.name}, ${values.connections} connections`;
      const numbers = {
        connections: values.connections,
        seconds: values.seconds,
        rounds: values.rounds,
        patience: values.patience,
        requests: values.requests,
      };
      const context = {
        cores,
        database,
        generate: load.generate,
        loadName: load.name,
        folder,
        signal,
        say,
        ...numbers,
      };
      const results = await runAll(scenarios, context, machine);
      const date = new Date().toISOString().slice(0, 10);
      if (values.json !== undefined) await writeFile(values.json, toJson(results, machine, date));
      // Paths of this machine say nothing to others.
      const words = process.argv
        .slice(2)
        .join(" ")
        .replaceAll(/ --(?:json|chinook)[ =]\S+/g, "");
      const command = `npm run bench -- ${words}`;
      if (values.markdown) await writeResults(results, { command, machine, date });
      return results.some(({ result }) => result.failures > 0) ? 1 : 0;
    } finally {
      await database.stop();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function runAll(scenarios: readonly Scenario[], context: BenchContext, machine: string): Promise<Finished[]> {
  const finished: Finished[] = [];
  for (const { name, summary, run } of scenarios) {
    context.signal.throwIfAborted();
    say(`--- ${name}: ${summary}`);
    const result = await run(context);
    finished.push({ name, summary, result });
    const failures = result.failures > 0 ? [`FAILED requests: ${result.failures}`] : [];
    const lines = [`${name}: ${summary}`, machine, "", formatTable(result.table), ...result.notes, ...failures];
    process.stdout.write(`\n${lines.join("\n")}\n\n`);
  }
  return finished;
}

function toJson(results: readonly Finished[], machine: string, date: string): string {
  const scenarios = results.map(({ name, result }) => ({ name, failures: result.failures, details: result.details }));
  return `${JSON.stringify({ date, machine, scenarios }, null, 2)}\n`;
}

/** By its name, or by what it has in common with others: `write` stands for `write-insert` and the like. */
function isNamed({ name }: Scenario, word: string): boolean {
  return name === word || (word === "write" && name.startsWith("write-"));
}

function readArguments() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    allowNegative: true,
    options: {
      seconds: { type: "string", default: "5" },
      rounds: { type: "string", default: "3" },
      patience: { type: "string", default: "1" },
      connections: { type: "string", default: "64" },
      requests: { type: "string", default: "1000000" },
      load: { type: "string" },
      json: { type: "string" },
      chinook: { type: "string" },
      markdown: { type: "boolean", default: false },
      build: { type: "boolean", default: true },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  const { seconds, rounds, patience, connections, requests, ...others } = values;
  const numbers = {
    seconds: positive("seconds", seconds),
    rounds: positive("rounds", rounds),
    patience: positive("patience", patience),
    connections: positive("connections", connections),
    requests: positive("requests", requests),
  };
  return { values: { ...others, ...numbers }, positionals };
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  throw new Error(`--${name} takes a whole number above 0, not ${text}`);
}

function say(line: string): void {
  process.stderr.write(`bench: ${line}\n`);
}
