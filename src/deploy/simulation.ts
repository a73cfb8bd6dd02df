import { type Autoscaling, createAutoscaler, type ObservedMetric } from "./hpa.ts";
import type { Load } from "./load-shape.ts";

/** What is simulated. */
export interface Simulated {
  readonly load: Load;
  readonly autoscaling: Autoscaling;
  /** Requests a second that one pod answers at most, as `hotpath load` measures it. */
  readonly capacity: number;
  /** What a request takes on an idle pod. */
  readonly serviceMs: number;
  /** From a decision to a pod that answers. */
  readonly startSeconds: number;
  /** Percent of a pod's CPU request; a pod at its capacity is at 100. `null`: not looked at. */
  readonly cpuTarget: number | null;
  /** Requests a second and pod; `null`: not looked at. */
  readonly rateTarget: number | null;
  /** How old metrics are when the controller sees them, and over how long they are averages. */
  readonly lagSeconds: number;
  readonly windowSeconds: number;
  /** Requests that wait longer are refused. */
  readonly patienceMs: number;
}

/** One second. */
export interface Moment {
  readonly load: number;
  readonly pods: number;
  readonly ready: number;
  /** Share of what the ready pods can answer; above 1 it is more than that. */
  readonly utilization: number;
  /** On average, of those that are answered. */
  readonly latencyMs: number;
  /** Requests refused. */
  readonly shed: number;
}

/** The controller looks so often. */
const SYNC_SECONDS = 15;
/** A pod does not count for the controller before it has been ready for so long. */
const INITIAL_READINESS_SECONDS = 30;

/**
 * Plays a load through an autoscaler, second by second.
 *
 * Latency is that of a processor shared fairly, service / (1 - utilization), plus what waits divided by what is answered a second; what would
 * wait longer than the patience is refused. It is an average: of percentiles it says nothing.
 */
export function simulate(simulated: Simulated): Moment[] {
  const { load, autoscaling, capacity, serviceMs, startSeconds, patienceMs } = simulated;
  const autoscaler = createAutoscaler(autoscaling);
  const moments: Moment[] = [];
  /** When each pod answers, the oldest first. */
  let pods = Array.from({ length: autoscaling.minReplicas }, () => Number.NEGATIVE_INFINITY);
  let waiting = 0;
  for (const [second, rate] of load.entries()) {
    if (second > 0 && second % SYNC_SECONDS === 0) {
      const wanted = autoscaler.decide(second, pods.length, observe(simulated, moments, pods, second));
      // Kubernetes ends the youngest first.
      if (wanted < pods.length) pods = pods.slice(0, wanted);
      while (pods.length < wanted) pods.push(second + startSeconds);
    }
    const ready = pods.filter((at) => at <= second).length;
    const answerable = ready * capacity;
    const asked = rate + waiting;
    const answered = Math.min(asked, answerable);
    const mayWait = (answerable * patienceMs) / 1000;
    waiting = Math.min(asked - answered, mayWait);
    const utilization = answerable === 0 ? Number(rate > 0) * MOST_UTILIZATION : rate / answerable;
    const busy = Math.min(utilization, SATURATED);
    moments.push({
      load: rate,
      pods: pods.length,
      ready,
      utilization: Math.min(utilization, MOST_UTILIZATION),
      latencyMs: serviceMs / (1 - busy) + (answerable === 0 ? patienceMs : (waiting / answerable) * 1000),
      shed: Math.max(0, asked - answered - waiting),
    });
  }
  return moments;
}

/** Above it the formula tends to infinity; what really happens is that requests wait, which is counted apart. */
const SATURATED = 0.95;
const MOST_UTILIZATION = 10;

/** What the controller sees: averages of a while ago. */
function observe(
  { lagSeconds, windowSeconds, cpuTarget, rateTarget, capacity }: Simulated,
  moments: readonly Moment[],
  pods: readonly number[],
  second: number,
): ObservedMetric[] {
  const until = Math.max(1, second - lagSeconds);
  const seen = moments.slice(Math.max(0, until - windowSeconds), until);
  const perPod = seen.reduce((sum, { load, ready }) => sum + load / Math.max(1, ready), 0) / Math.max(1, seen.length);
  // A pod does no more than it can, whatever is asked of it.
  const rate = Math.min(perPod, capacity);
  const readyPods = pods.filter((at) => at + INITIAL_READINESS_SECONDS <= second).length;
  const counted = { readyPods: Math.max(1, readyPods), unreadyPods: pods.length - Math.max(1, readyPods) };
  return [
    ...(cpuTarget === null ? [] : [{ ...counted, current: (rate / capacity) * 100, target: cpuTarget }]),
    ...(rateTarget === null ? [] : [{ ...counted, current: rate, target: rateTarget }]),
  ];
}

/** What came of it. */
export interface Outcome {
  readonly requests: number;
  readonly shed: number;
  /** Seconds in which requests were refused. */
  readonly shedSeconds: number;
  readonly meanLatencyMs: number;
  readonly worstLatencyMs: number;
  readonly meanPods: number;
  readonly mostPods: number;
  readonly podHours: number;
}

export function summarize(moments: readonly Moment[]): Outcome {
  const total = (of: (moment: Moment) => number): number => moments.reduce((sum, moment) => sum + of(moment), 0);
  const requests = total(({ load }) => load);
  const podSeconds = total(({ pods }) => pods);
  return {
    requests,
    shed: total(({ shed }) => shed),
    shedSeconds: moments.filter(({ shed }) => shed > 0.5).length,
    meanLatencyMs: total(({ load, latencyMs }) => load * latencyMs) / Math.max(1, requests),
    worstLatencyMs: moments.reduce((most, { latencyMs }) => Math.max(most, latencyMs), 0),
    meanPods: podSeconds / Math.max(1, moments.length),
    mostPods: moments.reduce((most, { pods }) => Math.max(most, pods), 0),
    podHours: podSeconds / 3600,
  };
}

/** A setting that serves the load, and what it costs. */
export interface Recommendation {
  readonly minReplicas: number;
  readonly maxReplicas: number;
  readonly cpuTarget: number;
  readonly outcome: Outcome;
}

const CPU_TARGETS = [50, 60, 70, 80, 90];
const MOST_TRIED = 400;

/**
 * The cheapest least number of pods and target of CPU that refuse nothing and stay below a latency, the most being what even the peak needs
 * with room for one that fails; `undefined`: none does, of those that were tried.
 */
export function recommend(simulated: Simulated, limitMs: number): Recommendation | undefined {
  const { load, capacity, autoscaling } = simulated;
  const peak = load.reduce((most, rate) => Math.max(most, rate), 0);
  const needed = Math.max(1, Math.ceil(peak / capacity / 0.5)) + 1;
  const step = Math.max(1, Math.ceil(needed / (MOST_TRIED / CPU_TARGETS.length)));
  let best: Recommendation | undefined;
  for (const cpuTarget of CPU_TARGETS) {
    for (let minReplicas = Math.min(2, needed); minReplicas <= needed; minReplicas += step) {
      const tried = { ...autoscaling, minReplicas, maxReplicas: needed };
      const rateTarget = simulated.rateTarget === null ? null : (capacity * cpuTarget) / 100;
      const outcome = summarize(simulate({ ...simulated, autoscaling: tried, cpuTarget, rateTarget }));
      if (outcome.shed > 0.5 || outcome.worstLatencyMs > limitMs) continue;
      if (best === undefined || outcome.podHours < best.outcome.podHours - 1e-9) {
        best = { minReplicas, maxReplicas: needed, cpuTarget, outcome };
      }
      break;
    }
  }
  return best;
}
