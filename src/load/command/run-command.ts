import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import type { CommandInput } from "../../cli/command.ts";
import { listenForSignals } from "../../cli/signals.ts";
import { type LoadOutcome, type LoadRun, runLoad } from "../coordinator.ts";
import type { PlainJob } from "../messages.ts";
import { plainSettings } from "../plain-settings.ts";
import { watchServer } from "../server-metrics.ts";
import { createLiveView } from "../report/live.ts";
import { type LoadFlags, misused, readFlags } from "./flags.ts";
import { type Prepared, defaultWorkers } from "./prepared.ts";
import { prepareScript } from "./prepare-script.ts";
import { writeOutputs } from "./outputs.ts";

const DEFAULT_DURATION_MS = 10_000;
const DEFAULT_TIMEOUT_MS = 30_000;

/** Runs `hotpath load`, and answers the exit status. */
export async function runLoadCommand(input: CommandInput): Promise<number> {
  const flags = readFlags(input.own);
  const [subject] = input.positionals;
  const recording = flags.text("record");
  if (recording !== undefined) return (await import("./record.ts")).recordCommand(input, flags, recording);
  if (subject === undefined) throw misused("hotpath load takes a URL or a script.");
  if (subject === "compare") return (await import("./compare.ts")).compareCommand(input, flags);
  if (input.positionals.length > 1) throw misused("hotpath load takes one URL or script.");
  const artillery = flags.text("artillery");
  if (artillery !== undefined && isScript(subject)) throw misused("--artillery goes with a URL or with --record.");
  const prepared = isScript(subject)
    ? await prepareScript(resolve(input.directory, subject), flags, input.environment, input.directory)
    : await plainRun(subject, flags, input.directory);
  if (artillery !== undefined) {
    await exportToArtillery(prepared, artillery, flags, input);
    return 0;
  }
  return execute(input, flags, prepared);
}

/** An open model only: Artillery knows no other. */
async function exportToArtillery(
  { job, settle }: Prepared,
  file: string,
  flags: LoadFlags,
  input: CommandInput,
): Promise<void> {
  if (!("plain" in job) || flags.text("rate") === undefined)
    throw misused("--artillery needs --rate: Artillery sends by a schedule.");
  const [plan] = settle({}, []).scenarios;
  if (plan === undefined || !("startRate" in plan)) return;
  let rate = plan.startRate;
  const phases = plan.stages.map(({ durationMs, target }) => {
    const phase = { durationSeconds: durationMs / 1000, rate, rampTo: target === rate ? undefined : target };
    rate = target;
    return phase;
  });
  const { exportPlain, put } = await import("./record.ts");
  await put(file, await exportPlain(job.plain, phases), input.directory, input.terminal);
}

function isScript(subject: string): boolean {
  return !/^https?:\/\//i.test(subject) && /\.(?:[mc]?[jt]s|ya?ml)$/i.test(subject);
}

async function execute(input: CommandInput, flags: LoadFlags, prepared: Prepared): Promise<number> {
  const { terminal, environment } = input;
  const isQuiet = flags.is("quiet");
  const style = {
    bold: (text: string) => terminal.bold(text),
    dim: (text: string) => terminal.dim(text),
    red: (text: string) => terminal.red(text),
  };
  const view = createLiveView({
    ...style,
    write: (text) => terminal.err(text),
    isInteractive: terminal.isInteractive,
    columns: process.stderr.columns || 100,
  });
  const signals = listenForSignals();
  let outcome: LoadOutcome;
  try {
    outcome = await runLoad({
      ...prepared,
      command: `hotpath load ${input.positionals.join(" ")}`,
      environment,
      signal: signals.abort,
      ...followServer(prepared, flags, environment),
      onLog: (level, text) => view.log(`${level}: ${text}`),
      ...(!isQuiet && {
        onStart: (settings) => view.start(settings, prepared.title),
        onLive: (state) => view.update(state),
      }),
    });
  } finally {
    view.end();
    signals.dispose();
  }
  await writeOutputs(outcome, input, flags);
  return outcome.exitStatus;
}

/** Metrics of the server that is named, or of one on this machine that listens where hotpath does. */
function followServer(
  { server }: Prepared,
  flags: LoadFlags,
  environment: Readonly<Record<string, string | undefined>>,
): Pick<LoadRun, "followServer"> {
  const isLocal = server !== undefined && /^(localhost|127\.|\[::1\])/.test(server);
  const named = flags.text("server-metrics");
  const url = named ?? (isLocal ? "http://127.0.0.1:3001/metrics" : undefined);
  if (url === undefined) return {};
  return { followServer: () => watchServer(url, environment["HOTPATH_ADMIN_TOKEN"], named === undefined) };
}

async function plainRun(subject: string, flags: LoadFlags, directory: string): Promise<Prepared> {
  const url = URL.parse(/^https?:\/\//i.test(subject) ? subject : `http://${subject}`);
  if (url === null || url.hostname === "") throw misused(`${JSON.stringify(subject)} is neither a URL nor a script.`);
  url.hash = "";
  const rate = flags.text("rate") === undefined ? undefined : readRate(flags.text("rate")!);
  const connections = flags.count("connections") ?? (rate === undefined ? 10 : 50);
  const body = await readBody(flags.text("body"), directory);
  const timeoutMs = flags.duration("timeout") ?? DEFAULT_TIMEOUT_MS;
  const requests = flags.count("requests");
  const stages = flags.stages();
  if (stages.length > 0 && rate === undefined) throw misused("--stage goes with --rate, or with a script.");
  const job: PlainJob = {
    url: url.href,
    method: (flags.text("method") ?? (body === undefined ? "GET" : "POST")).toUpperCase(),
    fields: flags.lines("header").map(readField),
    body,
    isHttp2: flags.is("http2"),
    streams: flags.count("streams") ?? 10,
    connections,
    timeoutMs,
    isInsecure: flags.is("insecure"),
    hosts: flags.hosts(),
  };
  const settings = plainSettings({
    connections,
    rate,
    stages,
    requests,
    durationMs: flags.duration("duration") ?? (requests === undefined ? DEFAULT_DURATION_MS : 600_000),
    timeoutMs,
    workers: flags.count("workers") ?? defaultWorkers(connections),
    thresholds: flags.thresholds(),
  });
  return { job: { plain: job }, title: `${job.method} ${job.url}`, server: url.hostname, settle: () => settings };
}

function readRate(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(?:\/(s|m|h))?$/.exec(text);
  const number = Number(match?.[1]);
  if (match === null || !(number > 0))
    throw misused(`--rate takes requests a second, such as 500 or 100/m, not ${text}.`);
  return number / { s: 1, m: 60, h: 3600 }[(match[2] ?? "s") as "s" | "m" | "h"];
}

function readField(line: string): readonly [string, string] {
  const colon = line.indexOf(":");
  const name = line.slice(0, colon).trim();
  const value = line.slice(colon + 1).trim();
  if (colon > 0 && /^[!#$%&'*+.^_`|~\w-]+$/.test(name) && !/[\0\r\n]/.test(value)) return [name, value];
  throw misused(`--header takes NAME:VALUE, not ${line}.`);
}

async function readBody(text: string | undefined, directory: string): Promise<string | undefined> {
  if (!text?.startsWith("@")) return text;
  return readFile(resolve(directory, text.slice(1)), "utf8");
}
