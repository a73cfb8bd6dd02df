import type { ResolvedApi } from "../api/definition.ts";
import type { Log } from "../api/source.ts";
import { readTraceEnvironment } from "../observe/trace/environment.ts";
import type { TraceExport } from "../observe/trace/otlp.ts";
import type { RunningServer } from "../server/start.ts";
import type { CommandInput } from "./command.ts";
import { listenForSignals, type Signals } from "./signals.ts";

/** What a command wants to be run. */
export interface ServerRun {
  readonly api: ResolvedApi;
  /** Default: one of the server's own, by its settings. */
  readonly log?: Log;
  /** What to print once the server runs. */
  announce(server: RunningServer): string;
  /** Told the server that runs. */
  started?(server: RunningServer): void;
  /** What SIGUSR2 does; absent: it is left alone. */
  reconfigure?(): void;
  /** Releases what the command itself opened, after the server has closed; also when the start fails. */
  release?(): Promise<void>;
}

/** Beyond the grace period, how long closing may take before the process ends anyway. */
const CLOSE_MARGIN_MS = 5000;

/**
 * Prepares and starts a server and keeps it until SIGINT or SIGTERM, then lets requests under way finish. A second
 * signal ends the process at once with 128 plus the signal's number. SIGUSR1 reloads.
 *
 * @param prepare makes what is to be run; told by the signal when it is not wanted any more
 */
export async function runServer(
  prepare: (signal: AbortSignal) => Promise<ServerRun> | ServerRun,
  { terminal }: Pick<CommandInput, "terminal">,
): Promise<void> {
  const signals = listenForSignals();
  try {
    const run = await prepare(signals.abort);
    try {
      await startAndServe(run, signals, terminal);
    } finally {
      await run.release?.();
    }
  } catch (error) {
    // Told to stop before it ran: whatever broke off did so on request.
    if (!signals.abort.aborted || (error as Error).name !== "AbortError") throw error;
  } finally {
    signals.dispose();
  }
}

async function startAndServe(run: ServerRun, signals: Signals, terminal: CommandInput["terminal"]): Promise<void> {
  if (signals.abort.aborted) return;
  const { startServer } = await import("../server/start.ts");
  const { createLog } = await import("../observe/log.ts");
  const log = run.log ?? createLog(run.api.server.log);
  const traces = await openTraces(log);
  try {
    const server = await Promise.race([startServer(run.api, log, traces), signals.stopped]);
    if (server !== undefined) await keepRunning(server, run, signals, terminal);
  } finally {
    await traces?.close();
  }
}

/** Loads what sends traces, where the standard variables of OpenTelemetry ask for them. */
export async function openTraces(log: Log): Promise<TraceExport | undefined> {
  const settings = readTraceEnvironment(process.env);
  if (settings === undefined) return undefined;
  const { openTraceExport } = await import("../observe/trace/otlp.ts");
  return openTraceExport(settings, log);
}

async function keepRunning(
  server: RunningServer,
  run: ServerRun,
  signals: Signals,
  terminal: CommandInput["terminal"],
): Promise<void> {
  signals.onReload(() => {
    server.reload().catch((error: unknown) => terminal.err(`hotpath: reloading failed: ${String(error)}\n`));
  });
  if (run.reconfigure !== undefined) signals.onReconfigure(() => run.reconfigure?.());
  terminal.out(run.announce(server));
  run.started?.(server);
  await signals.stopped;
  terminal.err("hotpath: stopping; requests under way may finish (again to stop at once)\n");
  await within(server.close(), run.api.server.server.shutdownGraceMs + CLOSE_MARGIN_MS);
}

async function within(closing: Promise<void>, limitMs: number): Promise<void> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error("The server did not stop in time; ending it.")), limitMs);
  try {
    await Promise.race([closing, promise]);
  } finally {
    clearTimeout(timer);
  }
}
