// A process that makes load, started and told what to do by the coordinator.
import { watchGenerator } from "./generator.ts";
import type { FromWorker, Job, Tick, ToWorker } from "./messages.ts";
import { createMetrics } from "./metrics.ts";
import { createPlainRunner } from "./plain.ts";
import { createRecorder } from "./recorder.ts";
import type { Runner } from "./runner.ts";
import type { ScriptRunner } from "./script/script-runner.ts";

/** How often is told what was counted. */
const TICK_MS = 1000;

const metrics = createMetrics();
const recorder = createRecorder(metrics);
const generator = watchGenerator();
let job: Job | undefined;
let script: ScriptRunner | undefined;
let runner: Runner | undefined;

// Ctrl-C reaches the whole group; the coordinator decides what it means.
process.on("SIGINT", () => undefined);
process.on("SIGTERM", () => undefined);
process.on("disconnect", () => process.exit(0));
process.on("uncaughtException", (error) => {
  tell({
    kind: "failed",
    stage: "run",
    message: script?.describe(error) ?? String(error.stack ?? error),
    isTimeout: false,
  });
});
process.on("unhandledRejection", (error) => {
  tell({ kind: "log", level: "error", text: script?.describe(error) ?? String(error) });
});
process.on("message", (message: ToWorker) => void handle(message));

async function handle(message: ToWorker): Promise<void> {
  try {
    await follow(message);
  } catch (error) {
    const isTimeout = error instanceof Error && error.name === "StageTimeout";
    tell({ kind: "failed", stage: message.kind, message: describe(error), isTimeout });
  }
}

function describe(error: unknown): string {
  return script?.describe(error) ?? (error instanceof Error ? error.message : String(error));
}

async function follow(message: ToWorker): Promise<void> {
  switch (message.kind) {
    case "init":
      ({ job } = message);
      if ("plain" in job) return tell({ kind: "ready", options: {}, exports: [] });
      script = await loadScript(job.script);
      return tell({ kind: "ready", options: script.options, exports: script.exports });
    case "setup":
      return tell({ kind: "setup-done", data: await script?.setup(message.timeoutMs) });
    case "start":
      return run(message);
    case "stop":
      return runner?.stop(message.isImmediate);
    case "teardown":
      await script?.teardown(message.setupData, message.timeoutMs);
      return tell({ kind: "teardown-done" });
    case "summary":
      return tell({ kind: "summary-done", files: await script?.summarize(message.data) });
    default:
  }
}

async function loadScript(given: Extract<Job, { script: unknown }>["script"]): Promise<ScriptRunner> {
  const { createScriptRunner } = await import("./script/script-runner.ts");
  return createScriptRunner(given, { metrics, recorder, generator, tell });
}

async function run(message: Extract<ToWorker, { kind: "start" }>): Promise<void> {
  const { place, scenarios, parts, options, setupData, at } = message;
  for (const part of parts) metrics.watch(part);
  const [first] = scenarios;
  if (job === undefined || first === undefined) throw new Error("there is nothing to run");
  runner =
    "plain" in job
      ? createPlainRunner(job.plain, first, { metrics, recorder, generator, place })
      : script!.start(place, scenarios, options, setupData);
  const startAt = at - performance.timeOrigin;
  // What came before, such as requests of a setup function, belongs to the first second.
  const started = setTimeout(() => void generator.take(), Math.max(0, startAt - performance.now()));
  let timer: NodeJS.Timeout | undefined;
  let second = 0;
  const report = (): void => {
    tell(takeTick(second, false));
    second++;
    schedule();
  };
  const schedule = (): void => {
    timer = setTimeout(report, Math.max(1, startAt + (second + 1) * TICK_MS - performance.now()));
  };
  schedule();
  await runner.run(startAt);
  clearTimeout(timer);
  clearTimeout(started);
  tell(takeTick(second, true));
  generator.stop();
  tell({ kind: "done" });
}

function takeTick(second: number, isLast: boolean): Tick {
  const progress = runner?.progress() ?? [];
  return {
    kind: "tick",
    second,
    samples: metrics.take(),
    named: recorder.take(),
    checks: script?.takeChecks() ?? [],
    vus: progress.reduce((sum, { vus }) => sum + vus, 0),
    isLast,
    progress,
    generator: generator.take(),
  };
}

function tell(message: FromWorker): void {
  if (process.connected) process.send?.(message);
}
