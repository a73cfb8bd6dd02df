import { CounterSeries, HistogramSeries } from "./series.ts";
import type { Metrics } from "./metrics.ts";

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
   * @param traceId of its trace, where that was kept.
   */
  record(method: string, endpoint: string, status: number, seconds: number, traceId?: string): void;
  /** Requests being answered now. */
  readonly inFlight: number;
  /** Everything that was counted. */
  routes(): Iterable<CountedRoute>;
}

/** Requests of one method, route and status. */
export interface CountedRoute {
  readonly method: string;
  readonly endpoint: string;
  readonly status: string;
  readonly durations: HistogramSeries;
}

/**
 * Declares `api_requests_total`, `api_request_duration_seconds` and `api_requests_in_flight`, and the same by the names of OpenTelemetry's
 * conventions. All of them are read from one histogram for each endpoint, method and status, so that a request costs a few look-ups
 * and one observation.
 *
 * @param isRead `false`: nobody can ask for the metrics, so requests are not counted
 */
export function createHttpMetrics(metrics: Metrics, isRead = true): HttpMetrics {
  let inFlight = 0;
  const waiting: (() => void)[] = [];
  const counted: CountedRoute[] = [];
  const overflow = new CounterSeries();
  const byEndpoint = new Map<string, Map<string, StatusSeries>>();

  function find(method: string, endpoint: string): StatusSeries {
    let byMethod = byEndpoint.get(endpoint);
    if (byMethod === undefined) {
      // Patterns are a bounded set; should a source break that promise, memory still is.
      if (byEndpoint.size >= MAX_ENDPOINTS) {
        overflow.add();
        return find(method, OTHER);
      }
      byEndpoint.set(endpoint, (byMethod = new Map()));
    }
    const label = METHODS.has(method) ? method : OTHER;
    let series = byMethod.get(label);
    if (series === undefined) byMethod.set(label, (series = new StatusSeries(label, endpoint, counted)));
    return series;
  }
  find(OTHER, OTHER);

  metrics.observedCounter(
    {
      name: "api_requests_total",
      help: "Requests answered, by method, route pattern and status.",
      labels: ["method", "endpoint", "status_code"],
    },
    () =>
      counted.map(({ method, endpoint, status, durations }) => ({
        labels: [method, endpoint, status],
        value: durations.count,
      })),
  );
  metrics.observedHistogram(
    {
      name: "api_request_duration_seconds",
      help: "Time from the request's head to the end of the reply, by method and route pattern.",
      labels: ["method", "endpoint"],
      buckets: DURATION_BUCKETS_SECONDS,
    },
    () => sumStatuses(counted),
  );
  metrics.observedHistogram(
    {
      name: "http_server_request_duration_seconds",
      help: "Duration of HTTP server requests (OpenTelemetry: http.server.request.duration).",
      labels: ["http_request_method", "http_route", "http_response_status_code"],
      buckets: DURATION_BUCKETS_SECONDS,
    },
    () =>
      counted.map(({ method, endpoint, status, durations }) => ({
        labels: [method === OTHER ? "_OTHER" : method, endpoint, status],
        series: durations,
      })),
  );
  metrics.gauge({ name: "api_requests_in_flight", help: "Requests being answered now." }, () => inFlight);
  metrics.gauge(
    { name: "http_server_active_requests", help: "The same (OpenTelemetry: http.server.active_requests)." },
    () => inFlight,
  );
  metrics.observedCounter(
    { name: "api_endpoint_overflow_total", help: "Requests of endpoints beyond the bound; they count as `other`." },
    () => overflow.value,
  );

  return {
    get inFlight() {
      return inFlight;
    },
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
    record(method, endpoint, status, seconds, traceId) {
      if (!isRead) return;
      const series = byEndpoint.get(endpoint)?.get(method) ?? find(method, endpoint);
      series.of(status).observe(seconds, traceId);
    },
    routes: () => counted,
  };
}

/** From what a cache answers in to what a client gives up at. */
export const DURATION_BUCKETS_SECONDS = [
  0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
];
const BOUNDS = Float64Array.from(DURATION_BUCKETS_SECONDS);

const OTHER = "other";
const METHODS = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY"]);
const MAX_ENDPOINTS = 2000;
const MIN_STATUS = 100;
const MAX_STATUS = 599;

/** The series of one endpoint and method, by status. */
class StatusSeries {
  readonly #byStatus = new Map<number, HistogramSeries>();
  readonly #method: string;
  readonly #endpoint: string;
  readonly #counted: CountedRoute[];

  constructor(method: string, endpoint: string, counted: CountedRoute[]) {
    this.#method = method;
    this.#endpoint = endpoint;
    this.#counted = counted;
  }

  of(status: number): HistogramSeries {
    return this.#byStatus.get(status) ?? this.#add(status >= MIN_STATUS && status <= MAX_STATUS ? status : 0);
  }

  #add(status: number): HistogramSeries {
    let durations = this.#byStatus.get(status);
    if (durations === undefined) {
      durations = new HistogramSeries(BOUNDS);
      this.#byStatus.set(status, durations);
      const label = status === 0 ? OTHER : String(status);
      this.#counted.push({ method: this.#method, endpoint: this.#endpoint, status: label, durations });
    }
    return durations;
  }
}

/** Series without the label of the status. */
function sumStatuses(counted: readonly CountedRoute[]): { labels: readonly string[]; series: HistogramSeries }[] {
  const sums = new Map<string, { labels: readonly string[]; series: HistogramSeries }>();
  for (const { method, endpoint, durations } of counted) {
    const key = `${method} ${endpoint}`;
    const sum = sums.get(key) ?? { labels: [method, endpoint], series: new HistogramSeries(BOUNDS) };
    sum.series.merge(durations);
    sums.set(key, sum);
  }
  return [...sums.values()];
}
