import { UNMEASURED } from "../../src/load/client/measures.ts";
// Counts requests as `hotpath load` does, but without sending any: a process that records, and one that puts together what it hears.
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { createCollected } from "../../src/load/collected.ts";
import type { Tick } from "../../src/load/messages.ts";
import { createMetrics } from "../../src/load/metrics.ts";
import { createRecorder } from "../../src/load/recorder.ts";
import { NODE_FLAGS } from "../../src/load/workers.ts";

/** What is told each tenth of the way. */
export interface CountingStep {
  readonly requests: number;
  readonly workerBytes: number;
  readonly coordinatorBytes: number;
  /** Processor time of the recording process since the step before. */
  readonly nanosecondsEach: number;
}

const A_SECOND = 50_000;
const NAMES = 500;

if (process.argv[2] === "record") await recordAll(Number(process.argv[3]));
else await collectAll(Number(process.argv[2]));

/** One message is under way at a time: there is no more of them in a second than a second has. */
async function recordAll(requests: number): Promise<void> {
  const metrics = createMetrics();
  const recorder = createRecorder(metrics);
  const latencies = Float64Array.from({ length: 4096 }, (_, at) => 0.05 * 1.003 ** at);
  const names = Array.from({ length: NAMES }, (_, at) => `/items/${at}`);
  const tags = { of: (name: string) => (name === "status" ? "200" : undefined) };
  const outcome = {
    status: 200,
    hasFailed: false,
    method: "GET",
    name: "",
    error: "",
    response: 0,
    ...UNMEASURED,
    sending: 0.01,
    receiving: 0.01,
    sentBytes: 100,
    receivedBytes: 300,
  };
  for (let sample = 0, second = 0; sample < requests; second++) {
    for (const until = sample + A_SECOND; sample < until; sample++) {
      const ms = latencies[(sample * 7919) & 4095] ?? 0;
      outcome.name = names[sample % NAMES]!;
      outcome.response = ms;
      outcome.waiting = ms;
      recorder.record(outcome, tags);
    }
    const cpu = process.cpuUsage();
    process.send?.({
      kind: "tick",
      second,
      samples: metrics.take(),
      named: recorder.take(),
      checks: [],
      vus: 1,
      isLast: false,
      progress: [],
      generator: {
        cpu: (cpu.user + cpu.system) / 1e6,
        loopDelayMs: 0,
        slipMs: 0,
        memoryBytes: process.memoryUsage.rss(),
      },
    } satisfies Tick);
    await once(process, "message");
  }
  process.disconnect();
}

async function collectAll(requests: number): Promise<void> {
  const collected = createCollected();
  const worker = fork(fileURLToPath(import.meta.url), ["record", String(requests)], {
    serialization: "advanced",
    execArgv: NODE_FLAGS,
  });
  let counted = 0;
  let cpuBefore = 0;
  worker.on("message", (tick: Tick) => {
    collected.add(0, tick);
    counted += A_SECOND;
    if (counted % (requests / 10) === 0) {
      const step: CountingStep = {
        requests: counted,
        workerBytes: tick.generator.memoryBytes,
        coordinatorBytes: process.memoryUsage.rss(),
        nanosecondsEach: ((tick.generator.cpu - cpuBefore) * 1e9) / (requests / 10),
      };
      cpuBefore = tick.generator.cpu;
      process.stdout.write(`${JSON.stringify(step)}\n`);
    }
    worker.send("next");
  });
  await once(worker, "exit");
}
