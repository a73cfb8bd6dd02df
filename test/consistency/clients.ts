import { setTimeout as delay } from "node:timers/promises";
import { Client } from "pg";
import { parseToken } from "../../src/postgres/replicas/token.ts";
import type { Answer, ServedApi } from "../support/server.ts";
import type { History, Violation, Write } from "./history.ts";

/** A node, to whoever asks it. */
export type AskedNode = Pick<ServedApi, "get" | "send">;

/** What every client of a run works on. */
export interface World {
  readonly nodes: readonly AskedNode[];
  readonly primaryUrl: string;
  readonly history: History;
  /** Registers are numbered from 1, and `perGroup` follow each other in a group. */
  readonly registers: number;
  readonly perGroup: number;
  readonly over: AbortSignal;
  readonly random: () => number;
  readonly tally: Tally;
}

/** What happened, for the report. */
export interface Tally {
  written: number;
  writtenDirectly: number;
  /** Outcome unknown, or refused, while faults happened. */
  writesFailed: number;
  reads: number;
  withToken: number;
  monotonic: number;
  readsFailed: number;
  /** By what `Cache-Status` said. */
  readonly cache: Map<string, number>;
  /** Statuses of failed requests. */
  readonly failures: Map<string, number>;
  readonly violations: Violation[];
}

/** Writes whose tokens readers may carry, the latest last. */
const RECENT = 20;
const recent: Write[] = [];

/** Sets its registers to ever higher values through the nodes in turn. */
export async function writeThroughNodes(world: World, registers: readonly number[]): Promise<void> {
  const { history, nodes, tally } = world;
  const values = new Map<number, number>();
  for (let turn = 0; !world.over.aborted; turn++) {
    const register = skewed(world, registers);
    const value = (values.get(register) ?? 0) + 1;
    values.set(register, value);
    const node = nodes[turn % nodes.length] as AskedNode;
    const write = history.begin(register, value, performance.now());
    // An attempt of unknown outcome must not undo a later one.
    const path = `/register?id=eq.${register}&n=lt.${value}`;
    const answer = await attempt(() => node.send("PATCH", path, JSON_CONTENT, JSON.stringify({ n: value })));
    if (answer.status === 204) {
      const position = parseToken(String(answer.headers["consistency-token"]));
      // A server that went away right after the commit could not say where that was.
      write.position = typeof position === "object" && position.lsn < 2n ** 63n ? position : undefined;
      write.ackedAt = performance.now();
      tally.written++;
      recent.push(write);
      tokens.set(write, String(answer.headers["consistency-token"]));
      if (recent.length > RECENT) recent.shift();
    } else {
      fail(world, "writesFailed", "PATCH", answer);
      await delay(50);
    }
    await delay(WRITE_PAUSE_MS);
  }
}

/** The same around the nodes, as `psql` would. */
export async function writeDirectly(world: World, registers: readonly number[]): Promise<void> {
  const values = new Map<number, number>();
  let client: Client | undefined;
  while (!world.over.aborted) {
    const register = skewed(world, registers);
    const value = (values.get(register) ?? 0) + 1;
    values.set(register, value);
    try {
      client ??= await connect(world.primaryUrl);
      const write = world.history.begin(register, value, performance.now());
      await client.query("update register set n = $2 where id = $1 and n < $2", [register, value]);
      write.ackedAt = performance.now();
      world.tally.writtenDirectly++;
    } catch {
      world.tally.writesFailed++;
      client = undefined;
      await delay(50);
    }
    await delay(WRITE_PAUSE_MS);
  }
  await client?.end();
}

/** Most writes go to a few registers, so that the replies about others stay cached for a while. */
function skewed({ random }: World, registers: readonly number[]): number {
  return registers[Math.floor(registers.length * random() ** 4)] as number;
}

async function connect(connectionString: string): Promise<Client> {
  const client = new Client({ connectionString, connectionTimeoutMillis: 2000, query_timeout: 5000 });
  client.on("error", () => undefined);
  await client.connect();
  return client;
}

/** Reads at random, in every way, and has each reply checked. */
export async function readAtRandom(world: World, nodeIndex: number): Promise<void> {
  const { tally } = world;
  const node = world.nodes[nodeIndex] as AskedNode;
  // What this client has seen through reads that told it how far they saw.
  const seen = new Map<number, number>();
  let seenToken: string | undefined;
  while (!world.over.aborted) {
    const question = ask(world, seenToken);
    const startedAt = performance.now();
    const answer = await attempt(() => node.get(question.path, question.headers));
    const endedAt = performance.now();
    if (answer.status === 200) {
      tally.reads++;
      if (question.tokenOf !== undefined) tally.withToken++;
      count(tally.cache, wordOf(answer));
      const { tokenOf, isStrict, isMonotonic, registers } = question;
      const label = `node ${nodeIndex + 1} GET ${question.path} (${wordOf(answer)})`;
      const values = valuesOf(answer.text);
      const read = { label, startedAt, endedAt, tokenOf, isStrict, values, seen: isMonotonic ? seen : undefined };
      tally.violations.push(...world.history.check(read, registers));
      if (isMonotonic) {
        tally.monotonic++;
        seenToken = String(answer.headers["consistency-token"]);
        for (const [id, n] of values) seen.set(id, Math.max(n, seen.get(id) ?? 0));
      }
    } else {
      fail(world, "readsFailed", "GET", answer);
      await delay(20);
    }
    await delay(READ_PAUSE_MS);
  }
}

/** Everything that readers ask for, to be compared with the database at the end. */
export function everyPath({ registers, perGroup }: World): readonly string[] {
  const all = Array.from({ length: registers }, (_, index) => index + 1);
  const groups = Array.from({ length: registers / perGroup }, (_, index) => index + 1);
  return [...all.flatMap((id) => [byKey(id), byRow(id)]), ...groups.map(byGroup), ...groups.map(byGroupNewest)];
}

export function valuesOf(text: string): ReadonlyMap<number, number> {
  const parsed = JSON.parse(text) as { id: number; n: number }[] | { id: number; n: number };
  return new Map((Array.isArray(parsed) ? parsed : [parsed]).map(({ id, n }) => [id, n]));
}

interface Question {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly registers: readonly number[];
  readonly tokenOf: Write | undefined;
  readonly isStrict: boolean;
  readonly isMonotonic: boolean;
}

function ask({ random, registers, perGroup }: World, seenToken: string | undefined): Question {
  const register = 1 + Math.floor(random() * registers);
  const group = 1 + Math.floor((register - 1) / perGroup);
  const members = Array.from({ length: perGroup }, (_, index) => (group - 1) * perGroup + index + 1);
  const kind = random();
  const isGroup = kind < 0.3;
  const path = isGroup
    ? kind < 0.15
      ? byGroup(group)
      : byGroupNewest(group)
    : kind < 0.6
      ? byKey(register)
      : byRow(register);
  const demand = random();
  const tokenOf = demand < 0.5 ? recent[Math.floor(random() * recent.length)] : undefined;
  const isStrict = demand > 0.95;
  const isMonotonic = demand > 0.8 && !isStrict;
  const headers: Record<string, string> = {};
  if (tokenOf !== undefined) headers["consistency-token"] = tokens.get(tokenOf) ?? "";
  if (isStrict) headers["prefer"] = "consistency=primary";
  if (isMonotonic) headers["prefer"] = "consistency=monotonic";
  if (isMonotonic && seenToken !== undefined) headers["consistency-token"] = seenToken;
  return { path, headers, registers: isGroup ? members : [register], tokenOf, isStrict, isMonotonic };
}

const byKey = (id: number): string => `/register?id=eq.${id}&select=id,n`;
const byRow = (id: number): string => `/register/${id}?select=id,n`;
const byGroup = (group: number): string => `/register?grp=eq.${group}&select=id,n&order=id`;
const byGroupNewest = (group: number): string => `/register?grp=eq.${group}&select=id,n&order=n.desc,id&limit=100`;

const JSON_CONTENT = { "content-type": "application/json" };
const WRITE_PAUSE_MS = 10;
const READ_PAUSE_MS = 2;
const tokens = new WeakMap<Write, string>();

/** A node never breaks a connection in these runs; what fails is the status. */
async function attempt(send: () => Promise<Answer>): Promise<Pick<Answer, "status" | "headers" | "text">> {
  return send().catch((error: unknown) => ({ status: 0, headers: {}, text: String(error) }));
}

/** What `Cache-Status` tells: `hit`, or why the source was asked. */
function wordOf({ headers }: Pick<Answer, "headers">): string {
  const status = String(headers["cache-status"] ?? "none");
  return /;\s*hit/.test(status) ? "hit" : (/fwd=([a-z-]+)/.exec(status)?.[1] ?? "none");
}

function fail(
  world: World,
  kind: "writesFailed" | "readsFailed",
  method: string,
  answer: Pick<Answer, "status" | "text">,
): void {
  world.tally[kind]++;
  const code = /"code":\s*"([A-Z0-9_]+)"/.exec(answer.text)?.[1] ?? answer.text.slice(0, 60);
  count(world.tally.failures, `${method} ${answer.status} ${code}`);
}

function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
