import type { ServedApi } from "../../support/server.ts";

/** Statements that a server was spared: because reads of the same values shared one, or reads of different values did. */
export async function savedStatements(api: ServedApi, kind: "equal" | "merged"): Promise<number> {
  return readMetric(api, `hotpath_batch_saved_statements_total{kind="${kind}"}`);
}

/** Shared statements whose reads were sent again. */
export async function splitStatements(api: ServedApi, reason: string): Promise<number> {
  return readMetric(api, `hotpath_batch_splits_total{reason="${reason}"}`);
}

async function readMetric(api: ServedApi, series: string): Promise<number> {
  const line = (await api.metrics()).split("\n").find((each) => each.startsWith(`${series} `));
  return Number(line?.slice(series.length + 1));
}
