import cluster from "node:cluster";
import type { Demo } from "../demo/demo.ts";
import type { CommandInput } from "./command.ts";
import type { ServerRun } from "./run-server.ts";
import { runWithWorkers } from "./run-workers.ts";
import { listenForSignals } from "./signals.ts";

/** Where the supervisor tells its workers what it has opened. */
const VARIABLE = "DEMO_OF_HOTPATH";

/** Serves the demo by workers. The database is the supervisor's: it starts it, tells workers where it is, and stops it after them. */
export async function runDemoByWorkers(
  open: (signal: AbortSignal) => Promise<Demo>,
  describe: (database: Omit<Demo, "stop">) => Promise<Pick<ServerRun, "api" | "announce">>,
  input: CommandInput,
): Promise<void> {
  if (cluster.isWorker) {
    const { api, announce } = await describe(JSON.parse(process.env[VARIABLE] ?? "") as Omit<Demo, "stop">);
    await runWithWorkers(api, announce, input);
    return;
  }
  const database = await openUnlessStopped(open);
  if (database === undefined) return;
  try {
    const { stop: _stop, ...told } = database;
    process.env[VARIABLE] = JSON.stringify(told);
    const { api, announce } = await describe(database);
    await runWithWorkers(api, announce, input);
  } finally {
    await database.stop();
  }
}

async function openUnlessStopped(open: (signal: AbortSignal) => Promise<Demo>): Promise<Demo | undefined> {
  const signals = listenForSignals();
  try {
    const database = await open(signals.abort);
    if (!signals.abort.aborted) return database;
    await database.stop();
  } catch (error) {
    if (!signals.abort.aborted || (error as Error).name !== "AbortError") throw error;
  } finally {
    signals.dispose();
  }
  return undefined;
}
