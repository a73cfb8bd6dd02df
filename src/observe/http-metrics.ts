import type { Counter, Histogram, MetricsRegistry } from "../api/source.ts";

/** Counts and times requests. */
export interface HttpMetrics {
  /** A request has come. */
  begin(): void;
  /** A request that `begin` was called for is over, answered or not. */
  end(): void;
  /** Resolves as soon as no request is being answered. */
  idle(): Promise<void>;
  /**
   * Counts an answered request.
   *
   * @param endpoint the pattern of its route, never its path.
   * @param seconds from the end of its head to the end of its reply.
   */
  record(method: string, endpoint: string, status: number, seconds: number): void;
}

/**
 * Declares `api_requests_total`, `api_request_duration_seconds` and `api_requests_in_flight`.
 *
 * Series are kept by endpoint, method and status, so that a call costs two map look-ups and no allocation.
 */
export function createHttpMetrics(registry: MetricsRegistry): HttpMetrics {
  const requests = registry.counter({
    name: "api_requests_total",
    help: "Requests answered, by method, route pattern and status.",
    labels: ["method", "endpoint", "status_code"],
  });
  const durations = registry.histogram({
    name: "api_request_duration_seconds",
    help: "Time from the request's head to the end of the reply, by method and route pattern.",
    labels: ["method", "endpoint"],
    buckets: DURATION_BUCKETS_SECONDS,
  });
  let inFlight = 0;
  const waiting: (() => void)[] = [];
  registry.gauge({ name: "api_requests_in_flight", help: "Requests being answered now." }, () => inFlight);

  const byEndpoint = new Map<string, Map<string, RouteSeries>>();
  function find(method: string, endpoint: string): RouteSeries {
    let byMethod = byEndpoint.get(endpoint);
    if (byMethod === undefined) {
      // Patterns are a bounded set; should a source break that promise, memory still is.
      if (byEndpoint.size >= MAX_ENDPOINTS) return find(method, "other");
      byMethod = new Map();
      byEndpoint.set(endpoint, byMethod);
    }
    const label = METHODS.has(method) ? method : "other";
    let series = byMethod.get(label);
    if (series === undefined) {
      series = new RouteSeries(label, endpoint, requests, durations);
      byMethod.set(label, series);
    }
    return series;
  }
  find("other", "other");

  return {
    begin() {
      inFlight += 1;
    },
    end() {
      inFlight -= 1;
      if (inFlight === 0 && waiting.length > 0) for (const wake of waiting.splice(0)) wake();
    },
    async idle() {
      if (inFlight === 0) return;
      await new Promise<void>((resolve) => waiting.push(resolve));
    },
    record(method, endpoint, status, seconds) {
      const series = byEndpoint.get(endpoint)?.get(method) ?? find(method, endpoint);
      series.record(status, seconds);
    },
  };
}

/** From what a cache answers in to what a client gives up at. */
const DURATION_BUCKETS_SECONDS = [
  0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
];

const METHODS = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY"]);
const MAX_ENDPOINTS = 10_000;
const MIN_STATUS = 100;
const MAX_STATUS = 599;

/** The series of one endpoint and method. */
class RouteSeries {
  readonly #byStatus: ({ add(amount?: number): void } | undefined)[] = Array.from({
    length: MAX_STATUS - MIN_STATUS + 1,
  });
  readonly #duration: { observe(value: number): void };
  readonly #method: string;
  readonly #endpoint: string;
  readonly #requests: Counter;

  constructor(method: string, endpoint: string, requests: Counter, durations: Histogram) {
    this.#method = method;
    this.#endpoint = endpoint;
    this.#requests = requests;
    this.#duration = durations.with(method, endpoint);
  }

  record(status: number, seconds: number): void {
    this.#duration.observe(seconds);
    (this.#byStatus[status - MIN_STATUS] ?? this.#find(status)).add();
  }

  #find(status: number): { add(amount?: number): void } {
    const isKnown = status >= MIN_STATUS && status <= MAX_STATUS;
    const series = this.#requests.with(this.#method, this.#endpoint, isKnown ? String(status) : "other");
    if (isKnown) this.#byStatus[status - MIN_STATUS] = series;
    return series;
  }
}
