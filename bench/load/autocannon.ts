import type { LoadRequest, LoadResult } from "./load-request.ts";

/** The part of autocannon that is used; it is installed with the rivals, so its own types may not be there. */
type Autocannon = (options: {
  readonly url: string;
  readonly connections: number;
  readonly duration: number;
  readonly requests: readonly { readonly path: string; readonly headers: Readonly<Record<string, string>> }[];
}) => Promise<{
  readonly requests: { readonly total: number };
  readonly latency: { readonly p50: number; readonly p99: number };
  readonly throughput: { readonly total: number };
  readonly duration: number;
  readonly errors: number;
  readonly timeouts: number;
  readonly non2xx: number;
}>;

/** `autocannon`: slower than the servers it measures, so its figures are a lower bound. Each connection cycles alone. */
export async function loadWithAutocannon(request: LoadRequest): Promise<LoadResult> {
  if (request.isDistinct) throw new Error("autocannon sends the same fields with each request");
  if (request.write !== undefined) throw new Error("writes are measured with wrk");
  const name = "autocannon";
  const { default: autocannon } = (await import(name)) as { default: Autocannon };
  const result = await autocannon({
    url: `http://127.0.0.1:${request.port}`,
    connections: request.connections,
    duration: request.seconds,
    // Every connection keeps a copy of the list.
    requests: request.paths.slice(0, 1000).map((path, index) => ({ path, headers: request.headers?.[index] ?? {} })),
  });
  request.signal.throwIfAborted();
  return {
    requests: result.requests.total,
    seconds: result.duration,
    failures: result.errors + result.timeouts + result.non2xx,
    p50Ms: result.latency.p50,
    p99Ms: result.latency.p99,
    bytes: result.throughput.total,
  };
}
