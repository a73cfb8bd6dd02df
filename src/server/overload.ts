import type { ServerSettings } from "../api/settings.ts";
import type { MountedSource } from "../api/definition.ts";
import type { Log, MetricsRegistry, Source, SourceReply } from "../api/source.ts";
import { HotpathError } from "../errors.ts";
import { toProblemReply } from "../http/problem.ts";
import { createGate, type Gate } from "../overload/gate.ts";
import { createPriority, PRIORITIES, type Priority } from "../overload/priority.ts";
import { watchStrain } from "../overload/strain.ts";
import type { Refusal } from "../overload/waiting-room.ts";
import type { Mount } from "./mounts.ts";

/** The step of the walk that keeps sources from being asked more than they can answer. */
export interface OverloadStep {
  /** What stands before the source or route that is mounted there; `undefined`: nothing does. */
  gateOf(mount: Mount): Gate | undefined;
  /** Whether a reply is a refusal, which is told of in sum: a line in the log for each would cost more than it. */
  isRefusal(reply: SourceReply): boolean;
  close(): void;
}

/** Declares `overload_…` metrics, and watches the process. `undefined`: it is switched off. */
export function openOverload(
  settings: ServerSettings["overload"],
  sources: readonly MountedSource[],
  registry: MetricsRegistry,
  log: Log,
): OverloadStep | undefined {
  if (!settings.enabled) return undefined;
  const strain = watchStrain(settings);
  const priorityOf = createPriority({ rules: settings.priorities, trustedCallers: settings.trustedCallers });
  const gates = new Map<Source, LabelledGate>();
  const countRefusal = declareMetrics(registry, gates);
  let unreported = 0;
  let reportedMs = Number.NEGATIVE_INFINITY;

  function report(mount: string): void {
    unreported++;
    const nowMs = performance.now();
    if (nowMs - reportedMs < REPORT_INTERVAL_MS) return;
    log.warn({ mount, refused: unreported }, "more is asked than can be answered in time: requests are refused");
    unreported = 0;
    reportedMs = nowMs;
  }

  function createFor(source: Source, label: string): Gate {
    const gate = createGate({
      ...settings,
      shares: settings.share,
      priorityOf,
      strain: () => strain.level,
      isSaturated: () => source.isSaturated?.() ?? false,
      refuse(refusal, priority) {
        countRefusal(label, refusal, priority);
        report(label);
        return toRefusal(refusal);
      },
    });
    gates.set(source, { label, gate });
    return gate;
  }

  for (const { source, path } of sources) createFor(source, path);
  return {
    gateOf({ source, pattern }) {
      const known = gates.get(source)?.gate;
      // What answers for paths without such a method has no pattern, and is made anew each time.
      return known ?? (pattern === undefined ? undefined : createFor(source, pattern));
    },
    isRefusal: ({ uncachedFor }) => uncachedFor === OVERLOADED,
    close: () => strain.stop(),
  };
}

/** Why the cache was passed, in its `Cache-Status`. */
const OVERLOADED = "overloaded";
const REPORT_INTERVAL_MS = 1000;

interface LabelledGate {
  /** A mount point, or the pattern of a route; routes of several methods share it. */
  readonly label: string;
  readonly gate: Gate;
}

function declareMetrics(
  registry: MetricsRegistry,
  gates: ReadonlyMap<Source, LabelledGate>,
): (mount: string, refusal: Refusal, priority: Priority) => void {
  const refusals = registry.counter({
    name: "overload_refusals_total",
    help: "Requests that were not given to their source: `late` waited for too long, `crowded` were too many, of `left` the client is gone.",
    labels: ["mount", "reason", "priority"],
  });
  const series = new Map<string, { add(amount?: number): void }>();
  const sumByLabel = (read: (gate: Gate) => number): Map<string, number> => {
    const sums = new Map<string, number>();
    for (const { label, gate } of gates.values()) sums.set(label, (sums.get(label) ?? 0) + read(gate));
    return sums;
  };
  const gauge = (name: string, help: string, read: (gate: Gate) => number): void => {
    registry.gauge({ name, help, labels: ["mount"] }, () =>
      [...sumByLabel(read)].map(([label, value]) => ({ labels: [label], value })),
    );
  };
  gauge("overload_limit", "Requests that a source is given at once.", ({ limit }) => limit);
  gauge("overload_in_flight", "Requests that a source is answering now.", ({ inFlight }) => inFlight);
  registry.gauge(
    { name: "overload_waiting", help: "Requests that wait for their turn.", labels: ["mount", "priority"] },
    () =>
      PRIORITIES.flatMap((priority) =>
        [...sumByLabel((gate) => gate.waiting(priority))].map(([label, value]) => ({
          labels: [label, priority],
          value,
        })),
      ),
  );
  return (mount, refusal, priority) => {
    const key = `${mount} ${refusal} ${priority}`;
    let counter = series.get(key);
    if (counter === undefined) series.set(key, (counter = refusals.with(mount, refusal, priority)));
    counter.add();
  };
}

/** Nobody is told more than that it is too much: the same text for all, and a moment that differs so that they do not come back together. */
function toRefusal(refusal: Refusal): SourceReply {
  const seconds = 1 + Math.floor(Math.random() * RETRY_SPREAD_SECONDS);
  const { headers, ...reply } = REFUSALS[refusal];
  return { ...reply, headers: { ...headers, "retry-after": String(seconds) } };
}

const RETRY_SPREAD_SECONDS = 3;

const REFUSALS: Readonly<Record<Refusal, SourceReply>> = {
  late: refusalOf("The server has more to do than it can; the request waited for too long."),
  crowded: refusalOf("The server has more to do than it can; too many requests wait."),
  left: refusalOf("The client left before its turn."),
};

function refusalOf(message: string): SourceReply {
  return { ...toProblemReply(new HotpathError("HP_OVERLOADED", message)), uncachedFor: OVERLOADED };
}
