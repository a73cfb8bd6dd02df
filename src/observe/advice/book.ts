import type { Log, MetricsRegistry } from "../../api/source.ts";
import type { Trace } from "../trace/span.ts";
import type { TraceListener } from "../trace/tracer.ts";
import type { EndedTrace } from "../trace/ended-trace.ts";
import type { Advice, AdviceKind, Detector, Finding } from "./advice.ts";

const MAX_ADVICE = 200;
/** Seen once it may be chance. */
const LEAST_SEEN = 3;
const MAX_SEEN = 600;

/** An advice that grows, and how often it was really seen. */
interface Found {
  readonly advice: { -readonly [K in keyof Advice]: Advice[K] };
  times: number;
}

/** Has requests looked at for faults that cost time, and keeps what is found. */
export class AdviceBook implements TraceListener {
  readonly #found = new Map<string, Found>();
  /** What the log was told of: advice that comes and goes is not told of again. */
  readonly #told = new Set<string>();
  readonly #detectors: readonly Detector[];
  readonly #log: Log;
  readonly #counter: ReturnType<MetricsRegistry["counter"]>;

  constructor(detectors: readonly Detector[], log: Log, metrics: MetricsRegistry) {
    this.#detectors = detectors;
    this.#log = log;
    this.#counter = metrics.counter({
      name: "hotpath_advice_total",
      help: "Requests in which something was seen that makes them slow, by what it was. The dashboard says where and what to do.",
      labels: ["kind"],
    });
  }

  /** What was seen often enough, the dearest first. */
  get advice(): readonly Advice[] {
    return [...this.#found.values()]
      .filter(({ times }) => times >= LEAST_SEEN)
      .map(({ advice }) => advice)
      .sort((one, other) => other.ms - one.ms);
  }

  wants({ weight }: Trace): boolean {
    return weight > 0;
  }

  ended(ended: EndedTrace): void {
    const { route, trace } = ended;
    const note = (finding: Finding): void => this.#note(route, trace.weight, finding);
    const withdraw = (kind: AdviceKind): void => void this.#found.delete(`${kind} ${route}`);
    for (const detector of this.#detectors) detector.look(ended, note, withdraw);
  }

  #note(route: string, weight: number, { kind, ms, seen, todo }: Finding): void {
    this.#counter.with(kind).add(weight);
    const key = `${kind} ${route}`;
    let found = this.#found.get(key);
    if (found === undefined) {
      if (this.#found.size >= MAX_ADVICE) return;
      this.#found.set(key, (found = { advice: { kind, route, requests: 0, ms: 0, seen, todo }, times: 0 }));
    }
    const { advice } = found;
    advice.requests += weight;
    advice.ms += ms * weight;
    advice.seen = seen.slice(0, MAX_SEEN);
    advice.todo = todo;
    // Once a fault and route: whoever reads the log while they write the handler is told, and nobody is flooded.
    if (++found.times === LEAST_SEEN && !this.#told.has(key) && this.#told.size < MAX_ADVICE) {
      this.#told.add(key);
      this.#log.warn({ kind, route, seen: advice.seen, todo }, "this route could be faster");
    }
  }
}
