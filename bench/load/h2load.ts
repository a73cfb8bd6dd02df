import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { LoadRequest, LoadResult } from "./load-request.ts";
import { runTool } from "./run-tool.ts";

/** `h2load` over HTTP/1.1. */
export async function loadWithH2load(request: LoadRequest): Promise<LoadResult> {
  return run(request, "http", ["--h1", "-c", String(request.connections)]);
}

/** `h2load` over HTTP/2 and TLS: as many requests at a time, eight on a connection. */
export async function loadOverHttp2(request: LoadRequest): Promise<LoadResult> {
  const connections = Math.max(1, Math.round(request.connections / STREAMS));
  return run(request, "https", ["-c", String(connections), "-m", String(STREAMS)]);
}

/** Requests at a time on an HTTP/2 connection. */
export const STREAMS = 8;

/** The latencies come from its log, which has a line for each request. */
async function run(request: LoadRequest, scheme: "http" | "https", flags: readonly string[]): Promise<LoadResult> {
  if (request.isDistinct || request.headers !== undefined)
    throw new Error("h2load sends the same fields with each request");
  if (request.write !== undefined) throw new Error("writes are measured with wrk");
  const list = join(request.folder, "urls");
  const log = join(request.folder, "h2load.log");
  const base = `${scheme}://127.0.0.1:${request.port}`;
  await writeFile(list, request.paths.map((path) => `${base}${path}\n`).join(""));
  await rm(log, { force: true });
  const words = [...flags, "-t1", "-D", String(request.seconds), "--log-file", log];
  const printed = await runTool("h2load", [...words, "-i", list], request.signal, request.core);
  const counts = /requests: (\d+) total, .* (\d+) succeeded, (\d+) failed/.exec(printed);
  const statuses = /status codes: (\d+) 2xx, (\d+) 3xx/.exec(printed);
  if (counts === null || statuses === null) throw new Error(`h2load printed no result: ${printed}`);
  const failed = Number(counts[3]);
  const answered = Number(counts[2]) + failed;
  const latencies = (await readFile(log, "utf8"))
    .trimEnd()
    .split("\n")
    .map((line) => Number(line.split("\t")[2]) / 1000)
    .sort((a, b) => a - b);
  const at = (share: number) => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? 0;
  return {
    requests: Number(counts[2]),
    seconds: request.seconds,
    failures: failed + Math.max(0, answered - failed - Number(statuses[1]) - Number(statuses[2])),
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    bytes: Number(/\((\d+)\) total/.exec(printed)?.[1] ?? 0),
  };
}
