import { availableParallelism, cpus } from "node:os";
import { HotpathError } from "../errors.ts";
import { VERSION } from "../version.ts";
import { createCollected } from "./collected.ts";
import type { FromWorker, Job, Progress } from "./messages.ts";
import { parsePartName, type Threshold } from "./thresholds.ts";
import { judge } from "./thresholds.ts";
import { type ScenarioPlan, longestMs, mostVus } from "./plan.ts";
import { type LoadResult, type ScenarioWords, toMetricResult } from "./result.ts";
import type { Point } from "./series.ts";
import type { ServerSeries } from "./server-metrics.ts";
import type { Total } from "./totals.ts";
import { generatorWarnings } from "./warnings.ts";
import { StageFailure, startWorkers, type Workers } from "./workers.ts";

/** What a run is to do, once the script's own options are known. */
export interface RunSettings {
  readonly scenarios: readonly ScenarioPlan[];
  readonly words: readonly ScenarioWords[];
  readonly thresholds: readonly Threshold[];
  /** The script's options with those of the command line. */
  readonly options: Readonly<Record<string, unknown>>;
  readonly workers: number;
  readonly hasSetup: boolean;
  readonly hasTeardown: boolean;
  readonly setupTimeoutMs: number;
  readonly teardownTimeoutMs: number;
  readonly statistics: readonly string[];
}

/** A run as seen while it goes on. */
export interface LiveState {
  readonly seconds: number;
  readonly settings: RunSettings;
  readonly progress: readonly Progress[];
  readonly point: Point | undefined;
  readonly totals: ReadonlyMap<string, Total>;
}

export interface LoadRun {
  readonly job: Job;
  readonly title: string;
  readonly command: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  settle(options: Readonly<Record<string, unknown>>, exports: readonly string[]): RunSettings;
  onStart?(settings: RunSettings): void;
  /** Once a second. */
  onLive?(state: LiveState): void;
  onLog(level: string, text: string): void;
  /** Follows the server's own metrics from the start to the end. */
  followServer?(): { stop(): Promise<ServerSeries | undefined> };
  readonly signal: AbortSignal;
}

export interface LoadOutcome {
  readonly result: LoadResult;
  readonly settings: RunSettings;
  /** Of k6: 0, 99 a threshold failed, 100 and 101 setup and teardown took too long, 105 interrupted, 107 the script threw, 108 it aborted. */
  readonly exitStatus: number;
  /** Answers of the script's `handleSummary`, by file. */
  readonly files: Readonly<Record<string, string>> | undefined;
}

function ignore(): void {
  // Nothing runs yet.
}

/** Time for processes to begin in step. */
const LEAD_MS = 150;
/** What a run may take beyond its plan before it is ended. */
const PATIENCE_MS = 10_000;
/** An iteration that was interrupted ends where it waits; one that never waits, by force. */
const STUCK_MS = 5000;

/** Runs a load test in processes of its own and puts together what they count. */
export async function runLoad(run: LoadRun): Promise<LoadOutcome> {
  const collected = createCollected();
  let stop: (reason: string, status: number) => void = ignore;
  const hear = (index: number, message: FromWorker): void => {
    if (message.kind === "tick") collected.add(index, message);
    else if (message.kind === "log") run.onLog(message.level, message.text);
    else if (message.kind === "abort") stop(message.reason, 108);
  };
  const workers = startWorkers(run.job, hear, run.environment);
  try {
    const { options, exports } = await ready(workers, 0);
    const settings = run.settle(options, exports);
    workers.grow(settings.workers);
    for (let index = 1; index < workers.count; index++) await ready(workers, index);
    const setupData = settings.hasSetup ? await setUp(workers, settings) : undefined;
    run.signal.throwIfAborted();
    const server = run.followServer?.();
    const at = performance.timeOrigin + performance.now() + LEAD_MS;
    const names = settings.thresholds.map(({ metric }) => metric).filter((name) => name.includes("{"));
    const parts = [...new Set([...names, "http_req_duration{expected_response:true}"])].map(parsePartName);
    collected.gauge(
      "vus_max",
      settings.scenarios.reduce((sum, plan) => sum + mostVus(plan), 0),
    );
    run.onStart?.(settings);
    for (let index = 0; index < workers.count; index++) {
      workers.tell(index, {
        kind: "start",
        place: { index, count: workers.count },
        scenarios: settings.scenarios,
        parts,
        options: settings.options,
        setupData,
        at,
      });
    }
    const secondsNow = (): number => Math.max(0, (performance.timeOrigin + performance.now() - at) / 1000);
    let aborted: string | undefined;
    let status = 0;
    let stuck: NodeJS.Timeout | undefined;
    stop = (reason, exitStatus) => {
      if (aborted !== undefined) return;
      aborted = reason;
      status = exitStatus;
      workers.tellAll({ kind: "stop", isImmediate: true });
      stuck = setTimeout(
        () => workers.kill(`${reason}; an iteration that waits for nothing could not be interrupted`),
        STUCK_MS,
      );
    };
    const interrupted = (): void => stop("interrupted", 105);
    run.signal.addEventListener("abort", interrupted, { once: true });
    const watch = setInterval(() => {
      const seconds = secondsNow();
      run.onLive?.({ seconds, settings, ...collected.live() });
      const failed = settings.thresholds
        .filter(({ abortsOnFail, delayMs }) => abortsOnFail && seconds * 1000 >= delayMs)
        .find((threshold) => judge([threshold], collected.totals, seconds)[0]?.passed === false);
      if (failed !== undefined) stop(`the threshold ${failed.metric}: ${failed.condition} was crossed`, 99);
    }, 1000);
    const guard = setTimeout(
      () => stop("the run took longer than its plan", 105),
      LEAD_MS + PATIENCE_MS + Math.max(...settings.scenarios.map(longestMs)),
    );
    let failure: StageFailure | undefined;
    try {
      await Promise.all(Array.from({ length: workers.count }, (_, index) => workers.await(index, "done")));
    } catch (error) {
      if (!(error instanceof StageFailure)) throw error;
      failure = error;
      run.onLog("error", error.message);
    } finally {
      clearInterval(watch);
      clearTimeout(guard);
      clearTimeout(stuck);
      run.signal.removeEventListener("abort", interrupted);
    }
    const seconds = secondsNow();
    if (settings.hasTeardown && failure === undefined) {
      workers.tell(0, { kind: "teardown", setupData, timeoutMs: settings.teardownTimeoutMs });
      failure = await workers.await(0, "teardown-done").then(() => undefined, stageFailure);
      if (failure !== undefined) run.onLog("error", failure.message);
    }
    const thresholds = judge(settings.thresholds, collected.totals, seconds);
    if (failure !== undefined && aborted === undefined)
      status = failure.stage === "teardown" && failure.isTimeout ? 101 : 107;
    else if (status === 0 && thresholds.some(({ passed }) => !passed)) status = 99;
    const points = collected.series.points();
    const [processor] = cpus();
    const result: LoadResult = {
      format: "hotpath-load/1",
      title: run.title,
      startedAt: new Date(at).toISOString(),
      seconds,
      command: run.command,
      version: VERSION,
      machine: { node: process.versions.node, cores: availableParallelism(), processor: processor?.model ?? "" },
      workers: workers.count,
      scenarios: settings.words,
      metrics: Object.fromEntries(
        [...collected.totals]
          .sort(([a], [b]) => (a < b ? -1 : 1))
          .map(([name, total]) => [name, toMetricResult(total, seconds, settings.statistics)]),
      ),
      thresholds,
      checks: collected.checks(),
      requests: collected.requests(),
      stepSeconds: collected.series.stepSeconds(),
      points,
      warnings: generatorWarnings(points, collected.totals, settings.scenarios),
      aborted: aborted ?? failure?.message,
      server: await server?.stop(),
    };
    const files =
      failure !== undefined || !exports.includes("handleSummary")
        ? undefined
        : await summarize(workers, run, result, settings);
    return { result, settings, exitStatus: status, files };
  } finally {
    await workers.stop();
  }
}

async function ready(workers: Workers, index: number): Promise<Extract<FromWorker, { kind: "ready" }>> {
  try {
    return await workers.await(index, "ready");
  } catch (error) {
    if (error instanceof StageFailure) throw new HotpathError("HP_LOAD_SCRIPT", error.message, { cause: error });
    throw error;
  }
}

async function setUp(workers: Workers, { setupTimeoutMs }: RunSettings): Promise<string | undefined> {
  workers.tell(0, { kind: "setup", timeoutMs: setupTimeoutMs });
  return (await workers.await(0, "setup-done")).data;
}

async function summarize(
  workers: Workers,
  run: LoadRun,
  result: LoadResult,
  settings: RunSettings,
): Promise<Readonly<Record<string, string>> | undefined> {
  const { toSummaryData } = await import("./report/summary-data.ts");
  workers.tell(0, { kind: "summary", data: toSummaryData(result, settings) });
  try {
    return (await workers.await(0, "summary-done")).files;
  } catch (error) {
    // What was measured is not lost over how it is shown.
    run.onLog("error", error instanceof Error ? error.message : String(error));
    return undefined;
  }
}

function stageFailure(error: unknown): StageFailure {
  if (error instanceof StageFailure) return error;
  throw error;
}
