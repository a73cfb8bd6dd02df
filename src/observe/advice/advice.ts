import type { EndedTrace } from "../trace/ended-trace.ts";

/** Something that makes a route slower than it need be, and what to do about it. */
export interface Advice {
  readonly kind: AdviceKind;
  readonly route: string;
  /** Requests it was seen in; an estimate where they are too many to look at each. */
  readonly requests: number;
  /** What it cost them together, as far as that can be told. */
  readonly ms: number;
  /** What was seen: a statement, a size. */
  readonly seen: string;
  readonly todo: string;
}

export type AdviceKind =
  | "repeated statement"
  | "one after another"
  | "long wait for a connection"
  | "unindexed scan"
  | "large reply"
  | "never compressed"
  | "never changes";

/** What was seen in one request. */
export interface Finding {
  readonly kind: AdviceKind;
  readonly ms: number;
  readonly seen: string;
  readonly todo: string;
}

/** Looks at requests that were followed, one by one, for certain faults. */
export interface Detector {
  look(ended: EndedTrace, note: (finding: Finding) => void, withdraw: (kind: AdviceKind) => void): void;
}
