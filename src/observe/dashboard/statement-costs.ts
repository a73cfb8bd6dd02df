import { createHash } from "node:crypto";
import type { AskedStatement } from "../../api/source.ts";
import type { Span } from "../trace/span.ts";
import { durationOf, textOf, waitOf } from "../trace/statement.ts";

/** A statement and what it has cost. Where requests are too many to follow each, sums are estimates. */
export interface StatementCost {
  /** By which its plan is asked for. */
  readonly id: string;
  /** What it does to which relation, as far as that is known. */
  readonly name: string;
  /** Cut where it is long. */
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

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

const MAX_STATEMENTS = 500;
const TOLD_STATEMENTS = 40;
const ID_LENGTH = 16;
/** Longer texts are cut. */
export const TOLD_TEXT = 2000;

/** Adds up what statements cost, by their texts. */
export class StatementCosts {
  readonly #statements = new Map<string, Mutable<StatementCost>>();

  /** The whole text of one of them. */
  textOf(id: string): string | undefined {
    for (const [text, cost] of this.#statements) if (cost.id === id) return text;
    return undefined;
  }

  /** The dearest. */
  get statements(): readonly StatementCost[] {
    return [...this.#statements.values()].sort((one, other) => other.ms - one.ms).slice(0, TOLD_STATEMENTS);
  }

  /** All of them, in full, the dearest first. */
  get asked(): readonly AskedStatement[] {
    const all = [...this.#statements].map(([text, { calls, ms, waitMs }]) => ({
      text,
      calls,
      ms: Math.max(0, ms - waitMs),
    }));
    return all.sort((one, other) => other.ms - one.ms);
  }

  /** @param weight for how many calls it stands */
  add(span: Span, weight: number): void {
    const text = textOf(span);
    let cost = this.#statements.get(text);
    if (cost === undefined) {
      if (this.#statements.size >= MAX_STATEMENTS) this.#forgetCheapest();
      const id = createHash("sha256").update(text).digest("base64url").slice(0, ID_LENGTH);
      cost = {
        id,
        name: span.name,
        text: text.slice(0, TOLD_TEXT),
        calls: 0,
        ms: 0,
        maxMs: 0,
        waitMs: 0,
        shared: 0,
        errors: 0,
      };
      this.#statements.set(text, cost);
    }
    const ms = durationOf(span);
    cost.calls += weight;
    cost.ms += ms * weight;
    cost.maxMs = Math.max(cost.maxMs, ms);
    cost.waitMs += waitOf(span) * weight;
    if (span.attribute("hotpath.batch.calls") !== undefined) cost.shared += weight;
    if (span.error !== undefined) cost.errors += weight;
  }

  /** Half go at once, so that it is rarely done. */
  #forgetCheapest(): void {
    const dear = [...this.#statements].sort(([, one], [, other]) => other.ms - one.ms).slice(0, MAX_STATEMENTS / 2);
    this.#statements.clear();
    for (const [text, cost] of dear) this.#statements.set(text, cost);
  }
}
