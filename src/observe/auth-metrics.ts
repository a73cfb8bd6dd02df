import type { MetricsRegistry } from "../api/source.ts";

/** Counts who asks. */
export interface AuthMetrics {
  /** @param outcome the kind of identity, or the code of the refusal: a bounded set. */
  count(outcome: string): void;
}

/** Declares `auth_requests_total` and `auth_tokens_remembered`. */
export function createAuthMetrics(registry: MetricsRegistry, remembered: () => number): AuthMetrics {
  const requests = registry.counter({
    name: "auth_requests_total",
    help: "Requests whose credentials were looked at, by what came of it: anonymous, token, key, or the code of the refusal.",
    labels: ["outcome"],
  });
  registry.gauge({ name: "auth_tokens_remembered", help: "Verified tokens that are remembered." }, remembered);
  const series = new Map<string, { add(amount?: number): void }>();
  return {
    count(outcome) {
      let counter = series.get(outcome);
      if (counter === undefined) series.set(outcome, (counter = requests.with(outcome)));
      counter.add();
    },
  };
}
