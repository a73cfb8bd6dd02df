import cluster from "node:cluster";
import type { ResolvedApi } from "../api/definition.ts";
import { createLog } from "../observe/log.ts";
import { type RunningServer, startServer } from "../server/start.ts";
import type { Supervisor } from "../workers/supervisor.ts";
import type { CommandInput } from "./command.ts";
import { openTraces } from "./run-server.ts";
import { listenForSignals } from "./signals.ts";

/**
 * Serves an API by workers. The first process is their supervisor; each worker is this command line again, and comes by here, too.
 *
 * Signals are the supervisor's: SIGHUP puts new workers in place of the old ones, SIGUSR1 has all read again what may have changed, SIGINT
 * and SIGTERM end all.
 */
export async function runWithWorkers(
  api: ResolvedApi,
  announce: (server: RunningServer) => string,
  { terminal }: Pick<CommandInput, "terminal">,
): Promise<void> {
  if (cluster.isWorker) await work(api, announce);
  else await supervise(api, terminal);
}

async function supervise(api: ResolvedApi, terminal: CommandInput["terminal"]): Promise<void> {
  const signals = listenForSignals();
  let running: Supervisor | undefined;
  const reload = (): void => void running?.reload();
  process.on("SIGHUP", reload);
  const { startSupervisor } = await import("../workers/supervisor.ts");
  const starting = startSupervisor(api, createLog(api.server.log));
  try {
    const supervisor = await Promise.race([starting, signals.stopped]);
    if (supervisor === undefined) {
      await (await starting).close();
      return;
    }
    running = supervisor;
    signals.onReload(() => supervisor.refresh());
    terminal.out(supervisor.announcement);
    await signals.stopped;
    terminal.err("hotpath: stopping; requests under way may finish (again to stop at once)\n");
    await supervisor.close();
  } finally {
    process.off("SIGHUP", reload);
    signals.dispose();
  }
}

async function work(api: ResolvedApi, announce: (server: RunningServer) => string): Promise<void> {
  // Ctrl-C reaches all processes of a terminal; the supervisor says who is to close when.
  process.on("SIGINT", ignore).on("SIGHUP", ignore).on("SIGUSR1", ignore);
  const { joinSupervisor } = await import("../workers/join-supervisor.ts");
  const { tellMetrics } = await import("../workers/told-metrics.ts");
  const link = await joinSupervisor();
  const log = createLog(api.server.log);
  const traces = await openTraces(log);
  const server = await startServer(api, log, traces, link);
  process.on("SIGTERM", () => link.leaving());
  link.onReload(() => {
    server.reload().catch((error: unknown) => log.error({ err: error }, "reloading failed"));
  });
  link.onShed((connections) => server.shed(connections));
  link.ready(announce(server));
  await link.left;
  await server.close();
  await link.farewell(tellMetrics(server.metrics()));
  link.leave();
  await traces?.close();
}

function ignore(): void {}
