import type { AskedStatement } from "../../api/source.ts";
import type { Trace } from "../trace/span.ts";
import { isStatement } from "../trace/statement.ts";
import type { TraceListener } from "../trace/tracer.ts";
import type { EndedTrace } from "../trace/ended-trace.ts";
import { type StageTime, StageTimes } from "./stage-times.ts";
import { type StatementCost, StatementCosts } from "./statement-costs.ts";
import { FailedRequests, SlowestRequests, type ToldRequest, toTold } from "./told-requests.ts";

const MOST_FOLLOWED = 24;
/** Those whose parts are not known tell less. */
const MOST_LATE = 12;
const MOST_FAILED = 24;

/** What the traces of requests add up to. */
export class TraceTables implements TraceListener {
  readonly #stages = new StageTimes();
  readonly #statements = new StatementCosts();
  readonly #slowest = new SlowestRequests(MOST_FOLLOWED);
  readonly #late = new SlowestRequests(MOST_LATE);
  readonly #failed = new FailedRequests(MOST_FAILED);

  get worthMs(): number {
    return this.#late.leastMs;
  }

  wants(trace: Trace): boolean {
    const { weight, ms, isLate, root } = trace;
    return weight > 0 || root.error !== undefined || ms > (isLate ? this.#late : this.#slowest).leastMs;
  }

  ended(ended: EndedTrace): void {
    const { trace } = ended;
    const { weight, ms, isLate, root } = trace;
    if (weight > 0) {
      this.#stages.add(trace);
      for (const span of trace.spans) if (isStatement(span)) this.#statements.add(span, weight);
    }
    const slowest = isLate ? this.#late : this.#slowest;
    if (ms > slowest.leastMs) slowest.add(toTold(ended));
    if (root.error !== undefined) this.#failed.add(toTold(ended));
  }

  get stages(): readonly StageTime[] {
    return this.#stages.stages;
  }

  get statements(): readonly StatementCost[] {
    return this.#statements.statements;
  }

  /** What databases were asked, statements in full. */
  get asked(): readonly AskedStatement[] {
    return this.#statements.asked;
  }

  /** The whole text of a statement that is told of. */
  textOf(id: string): string | undefined {
    return this.#statements.textOf(id);
  }

  /** Of those that were followed and of the others, the slowest first. */
  get slowest(): readonly ToldRequest[] {
    return [...this.#slowest.requests, ...this.#late.requests].sort((one, other) => other.ms - one.ms);
  }

  /** The newest first. */
  get failed(): readonly ToldRequest[] {
    return this.#failed.requests;
  }
}
