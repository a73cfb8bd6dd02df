import type { Measures } from "./client/measures.ts";
import { Histogram, type PackedHistogram } from "./histogram.ts";
import type { Metric, Metrics, TagLookup } from "./metrics.ts";

/** What is known of one request when it has ended. */
export interface RequestOutcome extends Measures {
  /** 0: no reply. */
  readonly status: number;
  readonly hasFailed: boolean;
  readonly method: string;
  /** What stands for its URL in tables: the `name` tag, or the URL itself. */
  readonly name: string;
  readonly error: string;
  /** Milliseconds from when the request was due; equal to `duration` and waiting for a connection where it was not due before. */
  readonly response: number;
}

/** What was counted by the name of a request. */
export interface NamedRequests {
  readonly method: string;
  readonly name: string;
  readonly failures: number;
  readonly statuses: Readonly<Record<string, number>>;
  readonly errors: Readonly<Record<string, number>>;
  readonly histogram: PackedHistogram;
}

/** Counts what comes of requests, by k6's metrics and by name. */
export interface Recorder {
  record(outcome: RequestOutcome, tags: TagLookup): void;
  /** What was counted by name since the last time. */
  take(): NamedRequests[];
}

/** More names than that are counted together: they hold a number each, most likely. */
const MAX_NAMES = 200;
const MAX_ERRORS = 20;
export const OTHER_NAMES = "(other names)";

export function createRecorder(metrics: Metrics): Recorder {
  const trend = (name: string): Metric => metrics.define(name, "trend", true)!;
  const requests = metrics.define("http_reqs", "counter", false)!;
  const failed = metrics.define("http_req_failed", "rate", false)!;
  const sent = metrics.define("data_sent", "counter", false)!;
  const received = metrics.define("data_received", "counter", false)!;
  const duration = trend("http_req_duration");
  const response = trend("http_req_response_time");
  const blocked = trend("http_req_blocked");
  const connecting = trend("http_req_connecting");
  const tlsHandshaking = trend("http_req_tls_handshaking");
  const sending = trend("http_req_sending");
  const waiting = trend("http_req_waiting");
  const receiving = trend("http_req_receiving");
  const names = new Map<string, Named>();
  let last: Named | undefined;

  const namedOf = (method: string, name: string): Named => {
    if (last !== undefined && last.name === name && last.method === method) return last;
    const key = `${method} ${name}`;
    let named = names.get(key);
    if (named === undefined) {
      if (names.size >= MAX_NAMES && name !== OTHER_NAMES) return namedOf("", OTHER_NAMES);
      named = new Named(method, name);
      names.set(key, named);
    }
    last = named;
    return named;
  };

  return {
    record(outcome, tags) {
      const whole = outcome.sending + outcome.waiting + outcome.receiving;
      requests.addBy(1, tags);
      failed.addBy(outcome.hasFailed ? 1 : 0, tags);
      sent.addBy(outcome.sentBytes, tags);
      received.addBy(outcome.receivedBytes, tags);
      duration.addBy(whole, tags);
      response.addBy(outcome.response, tags);
      blocked.addBy(outcome.blocked, tags);
      connecting.addBy(outcome.connecting, tags);
      tlsHandshaking.addBy(outcome.tlsHandshaking, tags);
      sending.addBy(outcome.sending, tags);
      waiting.addBy(outcome.waiting, tags);
      receiving.addBy(outcome.receiving, tags);
      namedOf(outcome.method, outcome.name).count(outcome, whole);
    },
    take: () => [...names.values()].flatMap((named) => named.take()),
  };
}

class Named {
  readonly method: string;
  readonly name: string;
  readonly #histogram = new Histogram();
  #failures = 0;
  #statuses: Record<string, number> = {};
  #errors: Record<string, number> = {};
  #lastStatus = -1;
  #lastCount = 0;

  constructor(method: string, name: string) {
    this.method = method;
    this.name = name;
  }

  count({ status, hasFailed, error }: RequestOutcome, duration: number): void {
    this.#histogram.record(duration);
    if (hasFailed) this.#failures++;
    // Most replies have the status of the one before.
    if (status === this.#lastStatus) this.#lastCount++;
    else {
      this.#settle();
      this.#lastStatus = status;
      this.#lastCount = 1;
    }
    if (error === "") return;
    const words = error in this.#errors || Object.keys(this.#errors).length < MAX_ERRORS ? error : "others";
    this.#errors[words] = (this.#errors[words] ?? 0) + 1;
  }

  take(): NamedRequests[] {
    if (this.#histogram.count === 0) return [];
    this.#settle();
    const taken = {
      method: this.method,
      name: this.name,
      failures: this.#failures,
      statuses: this.#statuses,
      errors: this.#errors,
      histogram: this.#histogram.pack(),
    };
    this.#histogram.reset();
    this.#failures = 0;
    this.#statuses = {};
    this.#errors = {};
    return [taken];
  }

  #settle(): void {
    if (this.#lastCount > 0) {
      this.#statuses[this.#lastStatus] = (this.#statuses[this.#lastStatus] ?? 0) + this.#lastCount;
    }
    this.#lastCount = 0;
  }
}
