import type { Log, MetricsRegistry } from "../api/source.ts";
import type { Span, Trace } from "./trace/span.ts";
import { isStatement, textOf, waitOf } from "./trace/statement.ts";
import type { EndedTrace, TraceListener } from "./trace/tracer.ts";

/** Something that makes a route slower than it need be, and what to do about it. */
export interface Advice {
  readonly kind: AdviceKind;
  readonly route: string;
  /** Requests it was seen in; an estimate where they are too many to look at each. */
  readonly requests: number;
  /** What it cost them together, as far as that can be told. */
  readonly ms: number;
  /** What was seen: a statement, a size. */
  readonly seen: string;
  readonly todo: string;
}

export type AdviceKind = "repeated statement" | "one after another" | "long wait for a connection" | "large reply";

/** Statements of one shape in one request from which on they are said to be repeated. */
const REPEATED = 5;
/** Different statements, each begun after the one before had ended, from which on they are worth gathering. */
const SEQUENTIAL = 3;
const LEAST_SEQUENTIAL_MS = 5;
/** A wait is long when it is this long, and more than half of what the request took. */
const LONG_WAIT_MS = 20;
const LARGE_ROWS_BYTES = 256 * 1024;
const MAX_ADVICE = 200;
/** Seen once it may be chance. */
const LEAST_SEEN = 3;

/** An advice that grows, and how often it was really seen. */
interface Found {
  readonly advice: { -readonly [K in keyof Advice]: Advice[K] };
  times: number;
}

/** Looks at requests for faults that cost time, and says what to write instead. */
export class AdviceBook implements TraceListener {
  readonly #found = new Map<string, Found>();
  readonly #log: Log;
  readonly #counter: ReturnType<MetricsRegistry["counter"]>;

  constructor(log: Log, metrics: MetricsRegistry) {
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

  wants({ hasAsked, weight }: Trace): boolean {
    return hasAsked && weight > 0;
  }

  ended({ trace, route, bytes, isPaged }: EndedTrace): void {
    const { weight } = trace;
    const statements = trace.spans.filter(isStatement);
    if (statements.length >= SEQUENTIAL) {
      if (!this.#lookForRepeated(route, statements, weight)) this.#lookForSequence(route, statements, weight);
    }
    for (const span of statements) {
      const waitMs = waitOf(span);
      if (waitMs < LONG_WAIT_MS || waitMs < trace.ms / 2) continue;
      this.#note(
        "long wait for a connection",
        route,
        waitMs,
        weight,
        "",
        "Raise pool.max, or find what holds the connections: the slowest statements.",
      );
      break;
    }
    if (statements.length > 0 && bytes >= LARGE_ROWS_BYTES && !isPaged) {
      const todo = "Page it: limit=100 and the Link to the next page, or select= fewer columns; or set maxRows.";
      this.#note("large reply", route, trace.ms, weight, `${Math.round(bytes / 1024)} KiB in one reply`, todo);
    }
  }

  #lookForRepeated(route: string, statements: readonly Span[], weight: number): boolean {
    const byText = new Map<string, { count: number; ms: number }>();
    for (const span of statements) {
      const text = textOf(span);
      const seen = byText.get(text) ?? { count: 0, ms: 0 };
      byText.set(text, { count: seen.count + 1, ms: seen.ms + span.endedMs - span.startedMs });
    }
    let isFound = false;
    for (const [text, { count, ms }] of byText) {
      if (count < REPEATED) continue;
      isFound = true;
      const seen = `${count} times in one request: ${text}`;
      this.#note(
        "repeated statement",
        route,
        ms,
        weight,
        seen,
        "Ask once for all: `= any($1)`, a join, or an embedded relation (select=*,other(*)).",
      );
    }
    return isFound;
  }

  #lookForSequence(route: string, statements: readonly Span[], weight: number): void {
    const inTurn = [...statements].sort((one, other) => one.startedMs - other.startedMs);
    let count = 1;
    let ms = 0;
    for (const [at, span] of inTurn.entries()) {
      const before = inTurn[at - 1];
      if (before === undefined) continue;
      if (before.endedMs === 0 || span.startedMs < before.endedMs) return;
      count++;
      ms += span.endedMs - span.startedMs;
    }
    const isTransaction = new Set(inTurn.map((span) => span.parent)).size > 1;
    if (count < SEQUENTIAL || ms < LEAST_SEQUENTIAL_MS || isTransaction) return;
    const seen = `${count} statements one after another: ${inTurn.map(({ name }) => name).join(", ")}`;
    this.#note(
      "one after another",
      route,
      ms,
      weight,
      seen,
      "Where none needs another's result, gather them: gather({ one: () => …, other: () => … }).",
    );
  }

  #note(kind: AdviceKind, route: string, ms: number, weight: number, seen: string, todo: string): void {
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
    // Once a fault and route: whoever reads the log while they write the handler is told, and nobody is flooded.
    if (++found.times === LEAST_SEEN) {
      this.#log.warn({ kind, route, seen: advice.seen, todo }, "this route could be faster");
    }
  }
}

const MAX_SEEN = 600;
