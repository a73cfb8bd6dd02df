import type { Span, Trace } from "../trace/span.ts";
import type { EndedTrace, TraceListener } from "../trace/tracer.ts";

/** A part of the walk, and the time that all requests together have spent in it. */
export interface StageTime {
  readonly name: string;
  readonly ms: number;
}

/** A request that took long, as a waterfall. */
export interface SlowRequest {
  readonly at: number;
  readonly method: string;
  readonly path: string;
  readonly route: string;
  readonly status: number;
  readonly ms: number;
  readonly traceId: string;
  readonly spans: readonly SlowSpan[];
}

export interface SlowSpan {
  readonly name: string;
  readonly depth: number;
  readonly kind: string;
  /** From the request's beginning. */
  readonly fromMs: number;
  readonly ms: number;
  readonly detail: string;
  readonly isFailed: boolean;
}

/** A statement and what it has cost. */
export interface StatementCost {
  readonly text: string;
  readonly calls: number;
  readonly ms: number;
  readonly maxMs: number;
  /** Of that, waiting for a connection. */
  readonly waitMs: number;
  /** Calls that shared a statement with others. */
  readonly shared: number;
  readonly errors: number;
}

const STANDS_FOR = 8;
const MAX_SLOW = 24;
/** A slow request is told of for so long. */
const SLOW_FOR_MS = 10 * 60_000;
const MAX_STATEMENTS = 500;
const TOLD_STATEMENTS = 40;
const TOLD_SPANS = 60;
const TOLD_TEXT = 2000;

/** What the traces of requests add up to. */
export class TraceTables implements TraceListener {
  readonly #stages = new Map<string, number>();
  readonly #statements = new Map<string, Mutable<StatementCost>>();
  #slow: SlowRequest[] = [];
  /** Quicker ones do not come among the slowest. */
  #leastSlowMs = 0;
  #passed = 0;

  /** Of requests that were answered at once one stands for many; who has asked others, or was slow, is always looked at. */
  wants({ hasAsked, ms }: Trace): boolean {
    return hasAsked || ms > this.#leastSlowMs || ++this.#passed % STANDS_FOR === 0;
  }

  ended(ended: EndedTrace): void {
    const { trace } = ended;
    this.#addStages(ended, trace.hasAsked ? 1 : STANDS_FOR);
    for (const span of trace.spans) if (isStatement(span)) this.#addStatement(span);
    if (trace.ms <= this.#leastSlowMs) return;
    this.#slow.push(toSlow(ended));
    this.#slow.sort((one, other) => other.ms - one.ms);
    const since = Date.now() - SLOW_FOR_MS;
    if (this.#slow.length > MAX_SLOW) this.#slow = this.#slow.filter(({ at }) => at >= since).slice(0, MAX_SLOW);
    this.#leastSlowMs = this.#slow.length < MAX_SLOW ? 0 : (this.#slow.at(-1)?.ms ?? 0);
  }

  get stages(): readonly StageTime[] {
    return [...this.#stages].map(([name, ms]) => ({ name, ms }));
  }

  get slowest(): readonly SlowRequest[] {
    const since = Date.now() - SLOW_FOR_MS;
    this.#slow = this.#slow.filter(({ at }) => at >= since);
    this.#leastSlowMs = this.#slow.length < MAX_SLOW ? 0 : (this.#slow.at(-1)?.ms ?? 0);
    return this.#slow;
  }

  get statements(): readonly StatementCost[] {
    return [...this.#statements.values()].sort((one, other) => other.ms - one.ms).slice(0, TOLD_STATEMENTS);
  }

  /** Times of parts that run beside each other add up to more than the request took; they are then told in proportion. */
  #addStages({ trace }: EndedTrace, weight: number): void {
    const { startedMs, admittedMs, resolvedMs } = trace;
    const endedMs = trace.root.endedMs;
    if (admittedMs === 0) {
      this.#add("admit", (endedMs - startedMs) * weight);
      return;
    }
    const resolved = resolvedMs === 0 ? endedMs : resolvedMs;
    this.#add("admit", (admittedMs - startedMs) * weight);
    this.#add("represent", (endedMs - resolved) * weight);
    const within = (resolved - admittedMs) * weight;
    if (!trace.hasAsked) {
      this.#add("cache and handlers", within);
      return;
    }
    const parts = new Map<string, number>();
    let asked = 0;
    for (const span of trace.spans) {
      if (span.kind !== "client" || span.parent?.kind === "client") continue;
      const ms = Math.max(0, (span.endedMs || endedMs) - span.startedMs);
      const waitMs = isStatement(span) ? Math.min(ms, Number(span.attributes?.["hotpath.pool.wait_ms"] ?? 0)) : 0;
      const name = isStatement(span) ? "database" : "upstream";
      parts.set(name, (parts.get(name) ?? 0) + ms - waitMs);
      if (waitMs > 0) parts.set("wait for a connection", (parts.get("wait for a connection") ?? 0) + waitMs);
      asked += ms;
    }
    const scale = asked > within ? within / asked : 1;
    for (const [name, ms] of parts) this.#add(name, ms * scale);
    this.#add("cache and handlers", within - asked * scale);
  }

  #add(stage: string, ms: number): void {
    this.#stages.set(stage, (this.#stages.get(stage) ?? 0) + Math.max(0, ms));
  }

  #addStatement(span: Span): void {
    const text = String(span.attributes?.["db.query.text"] ?? "");
    let cost = this.#statements.get(text);
    if (cost === undefined) {
      if (this.#statements.size >= MAX_STATEMENTS) this.#forgetCheapest();
      cost = { text: text.slice(0, TOLD_TEXT), calls: 0, ms: 0, maxMs: 0, waitMs: 0, shared: 0, errors: 0 };
      this.#statements.set(text, cost);
    }
    const ms = Math.max(0, span.endedMs - span.startedMs);
    cost.calls++;
    cost.ms += ms;
    cost.maxMs = Math.max(cost.maxMs, ms);
    cost.waitMs += Number(span.attributes?.["hotpath.pool.wait_ms"] ?? 0);
    if (span.attributes?.["hotpath.batch.calls"] !== undefined) cost.shared++;
    if (span.error !== undefined) cost.errors++;
  }

  /** Half go at once, so that it is rarely done. */
  #forgetCheapest(): void {
    const dear = [...this.#statements].sort(([, one], [, other]) => other.ms - one.ms).slice(0, MAX_STATEMENTS / 2);
    this.#statements.clear();
    for (const [text, cost] of dear) this.#statements.set(text, cost);
  }
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

function isStatement(span: Span): boolean {
  return span.kind === "client" && span.name !== "batch" && span.attributes?.["db.system.name"] !== undefined;
}

function toSlow({ trace, method, path, route, status }: EndedTrace): SlowRequest {
  const spans = trace.spans.slice(0, TOLD_SPANS).map((span): SlowSpan => {
    const { attributes } = span;
    const detail =
      attributes?.["db.query.text"] ?? attributes?.["hotpath.cache.result"] ?? attributes?.["server.address"];
    return {
      name: span.parent === undefined ? `${method} ${route}` : span.name,
      depth: depthOf(span),
      kind: isStatement(span) ? "database" : span.kind,
      fromMs: span.startedMs - trace.startedMs,
      ms: Math.max(0, (span.endedMs || trace.root.endedMs) - span.startedMs),
      detail: String(detail ?? "").slice(0, TOLD_TEXT),
      isFailed: span.error !== undefined,
    };
  });
  return { at: Date.now(), method, path: path.slice(0, 300), route, status, ms: trace.ms, traceId: trace.id, spans };
}

function depthOf(span: Span): number {
  let depth = 0;
  for (let at = span.parent; at !== undefined; at = at.parent) depth++;
  return depth;
}
