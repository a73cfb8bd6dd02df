import type { Log, MetricsRegistry } from "../../api/source.ts";
import { AdviceBook } from "./book.ts";
import { createChangeWatch } from "./changes.ts";
import { createCompressionWatch, watchSizes } from "./replies.ts";
import { createScanWatch, type Explain } from "./scans.ts";
import { watchStatements } from "./statements.ts";

export type { Advice, AdviceKind } from "./advice.ts";
export type { AdviceBook } from "./book.ts";
export type { Explain } from "./scans.ts";

/** What advice depends on beside requests. */
export interface AdviceParts {
  /** Replies are compressed for who asks for it. */
  readonly isCompressing: boolean;
  readonly explain: Explain;
}

/** An empty book, with all that looks for faults. */
export function openAdvice({ isCompressing, explain }: AdviceParts, log: Log, metrics: MetricsRegistry): AdviceBook {
  const detectors = [
    watchStatements,
    createScanWatch(explain),
    watchSizes,
    createCompressionWatch(isCompressing),
    createChangeWatch(),
  ];
  return new AdviceBook(detectors, log, metrics);
}
