import type { MetricsRegistry } from "../api/source.ts";
import type { SourceRequest } from "../api/source-request.ts";
import type { Command } from "./pool/index.ts";
import { operationOf } from "./statement-span.ts";
import type { TransactionScope } from "./transaction.ts";

/** Is told how long a request's statements took, and how they failed: a code. */
export type TimeStatement = (
  commands: readonly Command[],
  scope: TransactionScope,
  milliseconds: number,
  error: string | undefined,
  request: SourceRequest,
) => void;

/** Declares `db_client_operation_duration_seconds`, as OpenTelemetry's conventions name it. */
export function createStatementMetrics(metrics: MetricsRegistry): TimeStatement {
  const histogram = metrics.histogram({
    name: "db_client_operation_duration_seconds",
    help: "Duration of database calls with their wait for a connection (OpenTelemetry: db.client.operation.duration).",
    labels: ["db_operation_name", "db_collection_name", "error_type"],
    buckets: [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
  });
  // Series of what went well, which nearly everything does: relations of the catalog and a few operations.
  const known = new Map<string, Map<string, { observe(value: number): void }>>();
  return (commands, { target = "" }, milliseconds, error) => {
    const statement = commands[0]?.statement;
    const operation = statement === undefined ? "" : operationOf(statement);
    const seconds = milliseconds / 1000;
    if (error !== undefined) {
      histogram.with(operation, target, error).observe(seconds);
      return;
    }
    let byTarget = known.get(operation);
    if (byTarget === undefined) known.set(operation, (byTarget = new Map()));
    let series = byTarget.get(target);
    if (series === undefined) {
      series = histogram.with(operation, target, "");
      if (byTarget.size < MAX_TARGETS) byTarget.set(target, series);
    }
    series.observe(seconds);
  };
}

const MAX_TARGETS = 5000;
