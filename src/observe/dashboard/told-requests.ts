import type { Span } from "../trace/span.ts";
import { durationOf, isStatement } from "../trace/statement.ts";
import type { EndedTrace } from "../trace/ended-trace.ts";
import { TOLD_TEXT } from "./statement-costs.ts";

/** A request that is told of by itself, as a waterfall. */
export interface ToldRequest {
  readonly at: number;
  readonly method: string;
  readonly path: string;
  readonly route: string;
  readonly status: number;
  readonly ms: number;
  readonly traceId: string;
  /** `false`: only its beginning and end are known. */
  readonly isFollowed: boolean;
  readonly spans: readonly ToldSpan[];
}

export interface ToldSpan {
  readonly name: string;
  readonly depth: number;
  readonly kind: string;
  /** From the request's beginning. */
  readonly fromMs: number;
  readonly ms: number;
  readonly detail: string;
  readonly isFailed: boolean;
}

/** A request is told of for so long. */
const TOLD_FOR_MS = 10 * 60_000;
const TOLD_SPANS = 60;
const TOLD_PATH = 300;

/** The slowest requests of the last minutes. */
export class SlowestRequests {
  readonly #most: number;
  #requests: ToldRequest[] = [];
  #leastMs = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** Quicker ones do not come among them. */
  get leastMs(): number {
    return this.#leastMs;
  }

  get requests(): readonly ToldRequest[] {
    this.#forget();
    return this.#requests;
  }

  add(request: ToldRequest): void {
    this.#requests.push(request);
    this.#requests.sort((one, other) => other.ms - one.ms);
    if (this.#requests.length > this.#most) this.#forget();
    else this.#settle();
  }

  #forget(): void {
    const since = Date.now() - TOLD_FOR_MS;
    this.#requests = this.#requests.filter(({ at }) => at >= since).slice(0, this.#most);
    this.#settle();
  }

  #settle(): void {
    this.#leastMs = this.#requests.length < this.#most ? 0 : (this.#requests.at(-1)?.ms ?? 0);
  }
}

/** The last requests that failed by our fault, newest first. */
export class FailedRequests {
  readonly #most: number;
  readonly #requests: ToldRequest[] = [];

  constructor(most: number) {
    this.#most = most;
  }

  get requests(): readonly ToldRequest[] {
    const since = Date.now() - TOLD_FOR_MS;
    return this.#requests.filter(({ at }) => at >= since).reverse();
  }

  add(request: ToldRequest): void {
    this.#requests.push(request);
    if (this.#requests.length > this.#most) this.#requests.shift();
  }
}

export function toTold({ trace, method, path, route, status }: EndedTrace): ToldRequest {
  const spans = trace.spans.slice(0, TOLD_SPANS).map((span): ToldSpan => {
    const detail =
      span.attribute("db.query.text") ?? span.attribute("hotpath.cache.result") ?? span.attribute("server.address");
    return {
      name: span.parent === undefined ? `${method} ${route}` : span.name,
      depth: depthOf(span),
      kind: isStatement(span) ? "database" : span.kind,
      fromMs: span.startedMs - trace.startedMs,
      ms: durationOf(span),
      detail: String(detail ?? "").slice(0, TOLD_TEXT),
      isFailed: span.error !== undefined,
    };
  });
  const { ms, id: traceId, isLate } = trace;
  const at = Date.now();
  return { at, method, path: path.slice(0, TOLD_PATH), route, status, ms, traceId, isFollowed: !isLate, spans };
}

function depthOf(span: Span): number {
  let depth = 0;
  for (let at = span.parent; at !== undefined; at = at.parent) depth++;
  return depth;
}
