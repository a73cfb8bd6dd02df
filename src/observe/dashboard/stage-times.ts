import type { Trace } from "../trace/span.ts";
import { durationOf, isStatement, waitOf } from "../trace/statement.ts";

/** A part of the walk, and the time that all requests together have spent in it. */
export interface StageTime {
  readonly name: string;
  readonly ms: number;
}

/** Adds up where time goes on the walk. */
export class StageTimes {
  readonly #stages = new Map<string, number>();

  get stages(): readonly StageTime[] {
    return [...this.#stages].map(([name, ms]) => ({ name, ms }));
  }

  /** Times of parts that run beside each other add up to more than the request took; they are then told in proportion. */
  add(trace: Trace): void {
    const { startedMs, admittedMs, resolvedMs, weight, root } = trace;
    const { endedMs } = root;
    if (admittedMs === 0) {
      this.#add("admit", (endedMs - startedMs) * weight);
      return;
    }
    const resolved = resolvedMs === 0 ? endedMs : resolvedMs;
    this.#add("admit", (admittedMs - startedMs) * weight);
    this.#add("represent", (endedMs - resolved) * weight);
    const within = (resolved - admittedMs) * weight;
    const parts = new Map<string, number>();
    let asked = 0;
    for (const span of trace.spans) {
      if (span.kind !== "client" || span.parent?.kind === "client") continue;
      const ms = durationOf(span) * weight;
      const isOfDatabase = isStatement(span);
      const waitMs = isOfDatabase ? Math.min(ms, waitOf(span) * weight) : 0;
      const name = isOfDatabase ? "database" : "upstream";
      parts.set(name, (parts.get(name) ?? 0) + ms - waitMs);
      if (waitMs > 0) parts.set("wait for a connection", (parts.get("wait for a connection") ?? 0) + waitMs);
      asked += ms;
    }
    const scale = asked > within ? within / asked : 1;
    for (const [name, ms] of parts) this.#add(name, ms * scale);
    // A handler's own time is what it did not wait for others; the rest was the cache's, and the source's around them.
    const rest = within - asked * scale;
    const handled = trace.spans.find(({ name, kind }) => name === "handler" && kind === "internal");
    const handlers = handled === undefined ? 0 : Math.min(rest, Math.max(0, durationOf(handled) * weight - asked));
    if (handlers > 0) this.#add("handlers", handlers);
    this.#add("cache and planning", rest - handlers);
  }

  #add(stage: string, ms: number): void {
    this.#stages.set(stage, (this.#stages.get(stage) ?? 0) + Math.max(0, ms));
  }
}
