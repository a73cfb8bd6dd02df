import { createAddresses } from "./client/addresses.ts";
import { createDeadlines } from "./client/deadlines.ts";
import { LoadFailure } from "./client/failure.ts";
import { createPool } from "./client/pool.ts";
import type { OutgoingRequest } from "./client/request.ts";
import { toTarget } from "./client/target.ts";

/** What a hotpath server said of itself while load ran. */
export interface ServerSeries {
  readonly url: string;
  /** Seconds from the start of the run. */
  readonly at: readonly number[];
  readonly lines: readonly ServerLine[];
}

export interface ServerLine {
  readonly name: string;
  readonly unit: "cores" | "ms" | "ratio" | "bytes" | "count" | "rate";
  readonly values: readonly (number | null)[];
}

/** Follows a server's `/metrics` until it is stopped. */
export interface ServerWatch {
  /** What was seen; undefined: nothing that a hotpath server says. */
  stop(): Promise<ServerSeries | undefined>;
}

const EVERY_MS = 1000;
const TIMEOUT_MS = 900;
const MAX_BYTES = 4 * 1024 * 1024;
const MAX_POINTS = 7200;
/** What only hotpath counts. */
const MARK = /^api_requests_total\b/m;

type Sums = ReadonlyMap<string, number>;

/** Each line of the report: its metric, and what it is made of one look and the one before. */
const LINES: readonly {
  readonly name: string;
  readonly unit: ServerLine["unit"];
  readonly of: (now: Sums, before: Sums, seconds: number) => number | undefined;
}[] = [
  { name: "CPU of the server", unit: "cores", of: rate("process_cpu_seconds_total") },
  { name: "Requests answered", unit: "rate", of: rate("api_requests_total") },
  { name: "Time to answer, mean", unit: "ms", of: mean("api_request_duration_seconds") },
  { name: "Requests in flight", unit: "count", of: value("api_requests_in_flight", 1) },
  { name: "Event loop lag", unit: "ms", of: value("nodejs_eventloop_lag_seconds", 1000) },
  { name: "Statements", unit: "rate", of: rate("db_client_operation_duration_seconds_count") },
  { name: "Time of a statement, mean", unit: "ms", of: mean("db_client_operation_duration_seconds") },
  { name: "Resident memory", unit: "bytes", of: value("process_resident_memory_bytes", 1) },
];

/**
 * Looks once a second from now on. Whatever goes wrong, the load test goes on without.
 *
 * @param isGuessed nobody said that there is a hotpath: it is not asked again when the first look finds none
 */
export function watchServer(url: string, token: string | undefined, isGuessed: boolean): ServerWatch {
  const at: number[] = [];
  const values = LINES.map((): (number | null)[] => []);
  const ending = new AbortController();
  const startedAt = performance.now();
  const read = createReader(url, token);
  let before: { readonly sums: Sums; readonly at: number } | undefined;
  /** False: there is nothing to be seen. */
  const look = async (): Promise<boolean> => {
    const now = performance.now();
    const text = await read.text();
    if (text === undefined || !MARK.test(text)) return false;
    if (at.length >= MAX_POINTS) return true;
    const sums = sumsOf(text);
    if (before !== undefined) {
      const { sums: earlier, at: earlierAt } = before;
      at.push((now - startedAt) / 1000);
      for (const [index, { of }] of LINES.entries())
        values[index]!.push(of(sums, earlier, (now - earlierAt) / 1000) ?? null);
    }
    before = { sums, at: now };
    return true;
  };
  const follow = async (): Promise<void> => {
    while (!ending.signal.aborted) {
      const next = performance.now() + EVERY_MS;
      if (!(await look()) && isGuessed && before === undefined) return;
      await pause(next - performance.now(), ending.signal);
    }
  };
  const following = follow();
  return {
    async stop() {
      ending.abort();
      read.close();
      await following;
      if (at.length === 0) return undefined;
      const lines = LINES.map(({ name, unit }, index) => ({ name, unit, values: values[index]! }));
      return { url, at, lines: lines.filter((line) => line.values.some((one) => one !== null && one !== 0)) };
    },
  };
}

/** Asks by the client that makes the load: `fetch` would take longer to load than all else. */
function createReader(address: string, token: string | undefined) {
  const url = new URL(address);
  const deadlines = createDeadlines();
  const pool = createPool({
    addresses: createAddresses(),
    deadlines,
    protocols: new Map(),
    tls: {},
    localAddress: undefined,
    reusesConnections: true,
  });
  const request: OutgoingRequest = {
    method: "GET",
    target: toTarget(url),
    path: url.pathname + url.search,
    fields: token === undefined ? [] : [["Authorization", `Bearer ${token}`]],
    body: undefined,
  };
  return {
    async text(): Promise<string | undefined> {
      const { status, body } = await pool.send(request, { timeoutMs: TIMEOUT_MS, wantsBody: true });
      return status !== 200 || body === undefined || body.length > MAX_BYTES ? undefined : body.toString("utf8");
    },
    close(): void {
      pool.close(new LoadFailure(1000, "the run has ended"));
      deadlines.stop();
    },
  };
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, Math.max(0, ms));
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/** Sums over all labels, by the metric's name; of histograms, `_sum` and `_count`. */
function sumsOf(text: string): Sums {
  const sums = new Map<string, number>();
  for (const line of text.split("\n")) {
    const match = /^([a-z_:][a-z\d_:]*)(?:\{.*\})?\s+([-+.\deE]+)/.exec(line);
    if (match === null || match[1]!.endsWith("_bucket")) continue;
    sums.set(match[1]!, (sums.get(match[1]!) ?? 0) + Number(match[2]));
  }
  return sums;
}

function rate(name: string) {
  return (now: Sums, before: Sums, seconds: number): number | undefined => {
    const last = now.get(name);
    return last === undefined ? undefined : Math.max(0, last - (before.get(name) ?? 0)) / Math.max(0.001, seconds);
  };
}

function mean(name: string) {
  return (now: Sums, before: Sums): number | undefined => {
    const count = (now.get(`${name}_count`) ?? 0) - (before.get(`${name}_count`) ?? 0);
    if (count <= 0) return undefined;
    return (((now.get(`${name}_sum`) ?? 0) - (before.get(`${name}_sum`) ?? 0)) / count) * 1000;
  };
}

function value(name: string, factor: number) {
  return (now: Sums): number | undefined => {
    const found = now.get(name);
    return found === undefined ? undefined : found * factor;
  };
}
