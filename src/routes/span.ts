import type { SpanAttribute, TraceSpan } from "../api/source-request.ts";
import { HotpathError } from "../errors.ts";
import { RouteFailure } from "./failure.ts";
import type { Sql } from "./sql.ts";

/** A part of a handler's work. Where nobody follows requests it does nothing of its own. */
export interface RouteSpan<Tag extends Sql> {
  /** Tells a detail of it, under a name such as `shop.basket.size`. */
  readonly set: (name: string, value: SpanAttribute) => void;
  /** Runs statements as parts of it. */
  readonly sql: Tag;
  /** A part of the part. */
  readonly span: RunSpan<Tag>;
}

/** Runs work under a name in the request's trace: one of few, since traces are grouped by it. */
export type RunSpan<Tag extends Sql> = <Value>(
  name: string,
  work: (part: RouteSpan<Tag>) => Value | PromiseLike<Value>,
) => Promise<Value>;

/** @param sqlIn makes the tag whose statements belong to a span, or to the request itself */
export function createRunSpan<Tag extends Sql>(
  parent: TraceSpan | undefined,
  sqlIn: (span: TraceSpan | undefined) => Tag,
): RunSpan<Tag> {
  return async (name, work) => {
    const span = parent?.begin(name.slice(0, MOST_CHARACTERS));
    try {
      const value = await work(new Part(span, sqlIn));
      span?.end();
      return value;
    } catch (error) {
      span?.end(codeOf(error));
      throw error;
    }
  };
}

/** Does work that a span is for, and ends it with the work. */
export function endWith<Value>(span: TraceSpan, work: () => Value | Promise<Value>): Value | Promise<Value> {
  const failed = (error: unknown): never => {
    span.end(codeOf(error));
    throw error;
  };
  const ended = (value: Value): Value => {
    span.end();
    return value;
  };
  try {
    const value = work();
    return value instanceof Promise ? value.then(ended, failed) : ended(value);
  } catch (error) {
    return failed(error);
  }
}

class Part<Tag extends Sql> implements RouteSpan<Tag> {
  readonly #span: TraceSpan | undefined;
  readonly #sqlIn: (span: TraceSpan | undefined) => Tag;

  constructor(span: TraceSpan | undefined, sqlIn: (span: TraceSpan | undefined) => Tag) {
    this.#span = span;
    this.#sqlIn = sqlIn;
    // To be taken out of its part, as handlers do with what they are given.
    this.set = (name, value) => span?.set(name, value);
  }

  readonly set: RouteSpan<Tag>["set"];

  get sql(): Tag {
    return this.#sqlIn(this.#span);
  }

  get span(): RunSpan<Tag> {
    return createRunSpan(this.#span, this.#sqlIn);
  }
}

function codeOf(error: unknown): string {
  return error instanceof HotpathError || error instanceof RouteFailure ? error.code : "error";
}

const MOST_CHARACTERS = 100;
