import { type ClientHttp2Session, connect } from "node:http2";
import type { LoadRequest, LoadResult } from "./load-request.ts";

/** Connections of gRPC carry many calls at a time. */
const STREAMS = 16;

/**
 * Unary gRPC calls over HTTP/2 without TLS, by `node:http2` itself: gRPC's own client would cost more than what it measures. What follows the
 * `?` of a path is the message, in base64.
 */
export async function loadOverGrpc(request: LoadRequest): Promise<LoadResult> {
  const { port, paths, connections, seconds, signal } = request;
  const sessions = Array.from({ length: Math.max(1, Math.ceil(connections / STREAMS)) }, () =>
    connect(`http://127.0.0.1:${port}`),
  );
  const calls = paths.map(toCall);
  const latencies: number[] = [];
  let failures = 0;
  let bytes = 0;
  let next = 0;
  const startedAt = performance.now();
  const endsAt = startedAt + seconds * 1000;
  const keepCalling = async (session: ClientHttp2Session | undefined): Promise<void> => {
    if (session === undefined) return;
    while (performance.now() < endsAt && !signal.aborted) {
      const call = calls[next++ % calls.length];
      if (call === undefined) return;
      const sentAt = performance.now();
      const answered = await callOnce(session, call);
      latencies.push(performance.now() - sentAt);
      if (answered === undefined) failures++;
      else bytes += answered.length;
    }
  };
  await Promise.all(Array.from({ length: connections }, (_, index) => keepCalling(sessions[index % sessions.length])));
  const elapsed = (performance.now() - startedAt) / 1000;
  for (const session of sessions) session.close();
  latencies.sort((one, other) => one - other);
  const at = (share: number): number => latencies[Math.floor(latencies.length * share)] ?? 0;
  return { requests: latencies.length, seconds: elapsed, failures, p50Ms: at(0.5), p99Ms: at(0.99), bytes };
}

/** The message that one call answers, without its head. */
export async function grpcOnce(port: number, path: string): Promise<Buffer> {
  const session = connect(`http://127.0.0.1:${port}`);
  try {
    const answered = await callOnce(session, toCall(path));
    if (answered === undefined) throw new Error(`${path} fails`);
    return answered.subarray(5);
  } finally {
    session.close();
  }
}

interface UnaryCall {
  readonly path: string;
  readonly frame: Buffer;
}

function toCall(path: string): UnaryCall {
  const [method = "", message = ""] = path.split("?", 2);
  const bytes = Buffer.from(message, "base64url");
  const frame = Buffer.alloc(5 + bytes.length);
  frame.writeUInt32BE(bytes.length, 1);
  frame.set(bytes, 5);
  return { path: method, frame };
}

/** Undefined for a call that fails. */
async function callOnce(session: ClientHttp2Session, { path, frame }: UnaryCall): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const fields = { ":method": "POST", ":path": path, "content-type": "application/grpc", te: "trailers" };
    const stream = session.request(fields);
    const chunks: Buffer[] = [];
    let status: unknown;
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.once("trailers", (trailers) => (status = trailers["grpc-status"]));
    stream.once("error", () => resolve(undefined));
    stream.once("close", () => resolve(status === "0" ? Buffer.concat(chunks) : undefined));
    stream.end(frame);
  });
}
