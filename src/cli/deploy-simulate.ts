import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { DEFAULT_SCALE_DOWN, DEFAULT_SCALE_UP } from "../deploy/hpa.ts";
import { diurnal, flashCrowd, type Load, parseTrace } from "../deploy/load-shape.ts";
import { plotLine, rounded } from "../deploy/plot.ts";
import {
  type Moment,
  type Outcome,
  recommend,
  type Recommendation,
  simulate,
  summarize,
} from "../deploy/simulation.ts";
import { type DeployFlags, misused, podsOf } from "./deploy-flags.ts";

/** Plays a load through the autoscaler that `hotpath deploy kubernetes` describes, and says what would serve it better. */
export async function runSimulation(flags: DeployFlags, directory: string): Promise<string> {
  const load = await readLoad(flags, directory);
  const pods = flags.range("min-pods", "max-pods", podsOf(flags));
  const simulated = {
    load,
    capacity: flags.amount("capacity", 200),
    serviceMs: flags.amount("service", 5),
    startSeconds: flags.count("start", 20, 3600),
    cpuTarget: flags.count("cpu-target", 70, 100),
    rateTarget: flags.count("rate-target", 100),
    lagSeconds: flags.count("lag", 30, 3600),
    windowSeconds: 60,
    patienceMs: 1000,
    autoscaling: {
      minReplicas: pods.least,
      maxReplicas: pods.most,
      scaleUp: {
        ...DEFAULT_SCALE_UP,
        stabilizationWindowSeconds: flags.count("up-after", 60, 3600),
        policies: [
          {
            type: "Percent" as const,
            value: flags.count("up-percent", 100),
            periodSeconds: flags.count("up-period", 15, 1800),
          },
        ],
      },
      scaleDown: { ...DEFAULT_SCALE_DOWN, stabilizationWindowSeconds: flags.count("down-after", 300, 3600) },
    },
  };
  const price = flags.amount("price", 0.05);
  const limitMs = flags.amount("limit", 250);
  const moments = simulate(simulated);
  const outcome = summarize(moments);
  const recommendation = recommend(simulated, limitMs);
  if (flags.has("json")) return `${JSON.stringify({ outcome, recommendation: recommendation ?? null, moments })}\n`;
  return `${[...plot(moments), "", ...tell(outcome, price), "", ...advise(recommendation, outcome, price, limitMs)].join("\n")}\n`;
}

async function readLoad(flags: DeployFlags, directory: string): Promise<Load> {
  const trace = flags.optional("trace");
  if (trace !== undefined) {
    const text = await readFile(resolve(directory, trace), "utf8").catch(() => undefined);
    if (text === undefined) throw misused(`--trace: the file ${trace} cannot be read.`);
    return parseTrace(text);
  }
  const rates = flags.range("base", "peak", (name) => flags.amount(name, name === "base" ? 50 : 1000));
  const range = {
    base: rates.least,
    peak: rates.most,
    seconds: flags.count("duration", 3600, 7 * 24 * 3600),
  };
  const shape = flags.text("shape", "diurnal");
  if (shape === "diurnal") return diurnal(range);
  if (shape === "flash-crowd") return flashCrowd(range);
  throw misused("--shape is diurnal or flash-crowd.");
}

const COLUMNS = 72;

function plot(moments: readonly Moment[]): string[] {
  const line = (name: string, of: (moment: Moment) => number, unit: string): string =>
    plotLine(name, moments.map(of), COLUMNS, unit);
  return [
    line("requests", ({ load }) => load, "/s"),
    line("pods", ({ pods }) => pods, ""),
    line("ready", ({ ready }) => ready, ""),
    line("utilization", ({ utilization }) => utilization * 100, "%"),
    line("latency", ({ latencyMs }) => latencyMs, " ms"),
    line("refused", ({ shed }) => shed, "/s"),
  ];
}

function tell(outcome: Outcome, price: number): string[] {
  const percent = (outcome.shed / Math.max(1, outcome.requests)) * 100;
  return [
    `${rounded(outcome.requests)} requests, ${rounded(outcome.shed)} refused (${rounded(percent)}%) in ${outcome.shedSeconds} seconds`,
    `latency ${rounded(outcome.meanLatencyMs)} ms on average, ${rounded(outcome.worstLatencyMs)} ms in the worst second`,
    `${rounded(outcome.meanPods)} pods on average, ${outcome.mostPods} at most: ${costOf(outcome, price)}`,
  ];
}

function costOf({ podHours }: Outcome, price: number): string {
  return `${rounded(podHours)} pod hours, ${rounded(podHours * price)} at ${price} each`;
}

function advise(found: Recommendation | undefined, now: Outcome, price: number, limitMs: number): string[] {
  if (found === undefined) {
    return [
      `No number of pods that was tried refuses nothing and stays below ${limitMs} ms: raise --limit or --capacity.`,
    ];
  }
  const { minReplicas, maxReplicas, cpuTarget, outcome } = found;
  return [
    `Recommended: --min-pods ${minReplicas} --max-pods ${maxReplicas} --cpu-target ${cpuTarget}, and a rate target in proportion`,
    `refuses nothing, latency ${rounded(outcome.worstLatencyMs)} ms in the worst second; ${costOf(outcome, price)} (now ${rounded(now.podHours * price)})`,
  ];
}
