import type { Exchange } from "./exchange.ts";

/** How much is at stake. */
export type Severity = "high" | "medium" | "low";

/** Every check, by the name that findings bear. */
export type CheckName =
  | "validator-missing"
  | "validator-ignored"
  | "validator-unstable"
  | "validator-lies"
  | "freshness-unsaid"
  | "private-for-all"
  | "vary-missing"
  | "vary-star"
  | "compression-missing"
  | "compression-tiny"
  | "compression-forced"
  | "http2-missing"
  | "keep-alive-missing"
  | "tls-resumption-missing"
  | "offset-pages"
  | "unbounded-list"
  | "over-fetching"
  | "n-plus-one"
  | "one-at-a-time"
  | "stampede"
  | "tail-latency"
  | "cold-start"
  | "rate-limit-unsaid"
  | "server-timing-missing"
  | "trace-context-unsaid";

/** What is wrong with one resource. */
export interface Finding {
  readonly check: CheckName;
  /** What it was seen at: path and query. */
  readonly target: string;
  /** What was seen, in a sentence with figures. */
  readonly seen: string;
  /** What mending it gains, as measured here. */
  readonly gain: string;
  /** The exchanges that show it. */
  readonly evidence: readonly Exchange[];
}

/** What a check has come to. */
export interface Verdict {
  readonly check: CheckName;
  readonly state: "passed" | "found" | "not tried";
  /** Of `not tried`: why. */
  readonly why?: string;
}
