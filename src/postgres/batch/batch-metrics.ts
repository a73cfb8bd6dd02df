import type { MetricsRegistry } from "../../api/source.ts";
import type { BatchEvents, SplitReason } from "./batches.ts";

/** Counts batches as they are made. */
export function observeBatches(metrics: MetricsRegistry): BatchEvents {
  const sizes = metrics
    .histogram({
      name: "hotpath_batch_size",
      help: "Reads that shared one statement; those that had their own are not in it.",
      buckets: [2, 4, 8, 16, 32, 64, 128],
    })
    .with();
  const saved = metrics.counter({
    name: "hotpath_batch_saved_statements_total",
    help: "Statements that were not sent because others answered for them: of equal reads, or of reads merged into one.",
    labels: ["kind"],
  });
  const [equal, merged] = [saved.with("equal"), saved.with("merged")];
  const splits = metrics.counter({
    name: "hotpath_batch_splits_total",
    help: "Shared statements whose reads were sent again, each with its own, by reason.",
    labels: ["reason"],
  });
  const reasons: Readonly<Record<SplitReason, { add(): void }>> = {
    failed: splits.with("failed"),
    held: splits.with("held"),
    settings: splits.with("settings"),
  };
  return {
    shared(calls, distinct) {
      sizes.observe(calls);
      equal.add(calls - distinct);
      merged.add(distinct - 1);
    },
    split: (reason) => reasons[reason].add(),
  };
}
