import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Client } from "pg";
import { defer, type TestScope } from "../support/defer.ts";
import { testDatabase } from "../support/postgres.ts";
import { type MemoryUse, type ServerProcess, startServerProcess, toMegabytes } from "../support/server-process.ts";
import { type FuzzRequest, generateRequest } from "./generate.ts";
import { WireConnection, type WireReply } from "./connection.ts";
import { FUZZ_ROWS, FUZZ_SCHEMA } from "./world.ts";

/** A reply, or the lack of one, that no request should cause. */
export interface Finding {
  readonly seed: number;
  readonly number: number;
  readonly reason: string;
  readonly request: string;
  readonly reply: string;
}

/** What came of a run. */
export interface FuzzOutcome {
  readonly requests: number;
  /** Replies by status. */
  readonly statuses: ReadonlyMap<string, number>;
  readonly findings: readonly Finding[];
  /** Bytes of heap in use and resident, after collections, in the order of the run. */
  readonly memory: readonly MemoryUse[];
  readonly seconds: number;
}

export interface FuzzOptions {
  readonly seed: number;
  /** Number of the first request. */
  readonly from: number;
  readonly requests: number;
  readonly say: (line: string) => void;
}

const CONNECTIONS = 12;
/** Requests between two looks at the memory; rows are put back ten times as often. */
const LOOK_EVERY = 25_000;
const RESET_EVERY = 2500;
const MAX_FINDINGS = 50;

/** A server that is fuzzed. */
export interface FuzzTarget extends ServerProcess {
  readonly port: number;
  resetRows(): Promise<void>;
}

/** Starts a server in a process of its own, in front of a database and an upstream; gone when the scope has ended. */
export async function startTarget(t: TestScope): Promise<FuzzTarget> {
  const database = await testDatabase(t, { sql: FUZZ_SCHEMA + FUZZ_ROWS });
  const upstreamUrl = await startUpstream(t);
  const sql = new Client({ connectionString: database });
  await sql.connect();
  defer(t, () => sql.end());
  const server = await startServerProcess(t, new URL("target.ts", import.meta.url), [database, upstreamUrl]);
  return {
    ...server,
    port: Number(new URL(server.url).port),
    async resetRows() {
      await sql.query(FUZZ_ROWS);
    },
  };
}

/** Sends `requests` requests of a seed, and judges each reply. */
export async function runFuzz(t: TestScope, options: FuzzOptions): Promise<FuzzOutcome> {
  const { seed, from, requests, say } = options;
  const target = await startTarget(t);
  const statuses = new Map<string, number>();
  const findings: Finding[] = [];
  const memory: MemoryUse[] = [];
  const startedAt = performance.now();
  const connections = Array.from({ length: CONNECTIONS }, () => new WireConnection(target.port));
  let next = from;
  const end = from + requests;
  const work = async (connection: WireConnection, until: number): Promise<void> => {
    while (next < until && findings.length < MAX_FINDINGS) {
      const number = next++;
      const request = generateRequest(seed, number);
      const finding = await tryOut(request, connection, statuses);
      if (finding === undefined) continue;
      findings.push({ seed, number, request: request.bytes.toString("latin1").slice(0, 3000), ...finding });
      say(`${seed}/${number}: ${finding.reason}`);
    }
  };
  for (let until = from; until < end && findings.length < MAX_FINDINGS && target.child.exitCode === null;) {
    until = Math.min(end, until + RESET_EVERY);
    await Promise.all(connections.map(async (connection) => work(connection, until)));
    await target.resetRows();
    if ((until - from) % LOOK_EVERY !== 0 && until < end) continue;
    memory.push(await target.memory());
    const { heapUsed, rss } = memory.at(-1)!;
    const seconds = (performance.now() - startedAt) / 1000;
    say(
      `${until - from} requests in ${seconds.toFixed(0)} s, heap ${toMegabytes(heapUsed)}, resident ${toMegabytes(rss)}, ${findings.length} findings`,
    );
  }
  for (const connection of connections) connection.close();
  for (const complaint of target.complaints) {
    findings.push({ seed, number: next, reason: "the server complained", request: "", reply: complaint });
  }
  return { requests: next - from, statuses, findings, memory, seconds: (performance.now() - startedAt) / 1000 };
}

/** Sends one request and says what is wrong with what came back. */
export async function tryOut(
  { bytes, method, isFramed }: FuzzRequest,
  connection: WireConnection,
  statuses: Map<string, number> = new Map(),
): Promise<{ reason: string; reply: string } | undefined> {
  const count = (status: string): void => void statuses.set(status, (statuses.get(status) ?? 0) + 1);
  try {
    if (!isFramed) {
      const received = (await connection.flood(bytes)).toString("latin1");
      count("damaged");
      const isBad = /^HTTP\/1\.1 5(?:00|05)/m.test(received);
      return isBad ? { reason: "500 to a damaged request", reply: received.slice(0, 2000) } : undefined;
    }
    const reply = await connection.exchange(bytes, method);
    if (reply === undefined) return { reason: "no reply", reply: "" };
    count(String(reply.status));
    const reason = judge(reply);
    return reason === undefined
      ? undefined
      : { reason, reply: `${reply.head}${reply.content.toString().slice(0, 2000)}` };
  } catch (error) {
    return { reason: String(error), reply: "" };
  }
}

function judge({ status, head, content }: WireReply): string | undefined {
  if (status === 500 || status > 504) return `status ${status}`;
  const text = content.toString("latin1");
  if (/\n {4}at |node_modules|file:\/\/\//.test(text)) return "internals in the reply";
  if (status < 400 || content.length === 0 || text.startsWith("upstream ")) return undefined;
  if (/\r\ncontent-encoding:/i.test(head)) return undefined;
  return /"code":/.test(text) ? undefined : `status ${status} without a code`;
}

async function startUpstream(t: TestScope): Promise<string> {
  const server = createServer((message, response) => {
    message.resume();
    message.once("end", () => {
      if (message.url?.startsWith("/cached")) response.setHeader("cache-control", "max-age=5");
      if (message.url?.startsWith("/stream")) for (let piece = 0; piece < 5; piece++) response.write("x".repeat(5000));
      response.end(`upstream ${message.method} ${message.url}`);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  defer(t, () => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(() => resolve()));
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
