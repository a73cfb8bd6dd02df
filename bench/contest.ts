import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { assertAgreement } from "./agreement.ts";
import { type Contestant, nodeHttp, type WriteRequest } from "./contestants.ts";
import type { BenchContext } from "./context.ts";
import { USERS } from "./database.ts";
import type { LoadResult } from "./load/load-request.ts";
import { endedSeconds, machineSeconds, treeSeconds } from "./machine.ts";
import { type ServerProcess, type ServerProgram, startServerProcess } from "./server-process.ts";
import { shuffledIds } from "./shuffle.ts";
import { median } from "./statistics.ts";

/** One round of one contestant, with who used how much of a core meanwhile. */
export interface Round extends LoadResult {
  /** Processor time of the server for one request: hardly changes with what else the machine does. */
  readonly microsecondsEach: number;
  readonly serverCpu: number;
  readonly postgresCpu: number;
  readonly loadCpu: number;
  /** Processes that have nothing to do with the bench: noise. */
  readonly strangersCpu: number;
}

/** A contestant's medians over its rounds. */
export interface Score {
  readonly name: string;
  readonly role: Contestant["role"];
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly microsecondsEach: number;
  readonly serverCpu: number;
  readonly postgresCpu: number;
  readonly loadCpu: number;
  readonly failures: number;
  readonly rounds: readonly Round[];
}

/** Replies that are compared before anything is measured. */
const COMPARED_IDS = 50;
/** Until the compiler has seen what matters: servers run for longer than this. */
const WARM_UP_SECONDS = 5;

/**
 * Measures contestants against each other: all servers are up, and take turns for several rounds.
 *
 * @param before runs before each turn
 * @param floor what they are compared with besides: a server that answers the bytes of a file; null: with nothing
 * @param ids what is asked for, in this order, again and again. Default: every user once
 */
export async function runContest(
  contestants: readonly Contestant[],
  context: BenchContext,
  floor: Floor | null = NODE_HTTP,
  before: () => Promise<void> = async () => undefined,
  ids: readonly number[] = shuffledIds(USERS),
): Promise<readonly Score[]> {
  const processes = new Map<string, ServerProcess>();
  const start = async ({ program, path, headers, write }: Contestant): Promise<ServerProcess> => {
    const running = processes.get(program.key);
    if (running !== undefined) return running;
    const ready = write?.ready ?? path(ids[0]!);
    const started = await startServerProcess(program, ready, context.cores, context.signal, headers?.(ids[0]!));
    processes.set(program.key, started);
    return started;
  };
  try {
    const answering = [];
    for (const contestant of contestants) answering.push({ contestant, port: (await start(contestant)).port });
    context.say(`comparing ${COMPARED_IDS} replies of ${contestants.length} contestants`);
    const typical = await assertAgreement(answering, ids.slice(0, COMPARED_IDS));
    const [{ write } = {}] = contestants;
    const all = [...contestants];
    if (floor !== null) {
      all.push({ ...(await floorOf(typical, floor, context)), ...(write === undefined ? {} : { write }) });
    }
    const rounds = new Map<Contestant, Round[]>(all.map((each) => [each, []]));
    for (const contestant of all) {
      const server = await start(contestant);
      context.say(`warming up ${contestant.name}`);
      await before();
      await measure(contestant, server, ids, WARM_UP_SECONDS, context);
    }
    for (let round = 0; round < context.rounds * context.patience; round++) {
      for (const contestant of rotate(all, round)) {
        const measured = rounds.get(contestant) ?? [];
        if (measured.filter(isQuiet).length >= context.rounds) continue;
        await before();
        const result = await measure(contestant, await start(contestant), ids, context.seconds, context);
        measured.push(result);
        context.say(`round ${round + 1} ${contestant.name}: ${describeRound(result)}`);
      }
    }
    return all.map((contestant) => toScore(contestant, quietest(rounds.get(contestant) ?? [], context.rounds)));
  } finally {
    await Promise.all([...processes.values()].map((server) => server.stop()));
  }
}

/** The least that a server in Node could do. */
export interface Floor {
  readonly name: string;
  readonly program: (bodyFile: string) => ServerProgram;
}

const NODE_HTTP: Floor = { name: "node:http", program: nodeHttp };

async function floorOf(body: Buffer, { name, program }: Floor, { folder }: BenchContext): Promise<Contestant> {
  const file = join(folder, "floor.json");
  await writeFile(file, body);
  return {
    name: `${name}, a constant of ${body.length} bytes`,
    role: "floor",
    program: program(file),
    path: () => "/",
  };
}

async function measure(
  contestant: Contestant,
  server: ServerProcess,
  ids: readonly number[],
  seconds: number,
  context: BenchContext,
): Promise<Round> {
  const { folder, signal, connections, generate, database } = context;
  const before = cpuSnapshot(server.pid, database.pid);
  const ownBefore = ownSeconds();
  const startedAt = performance.now();
  const { write } = contestant;
  const sent = write === undefined ? ids : ids.slice(0, write.variety);
  const contents = write === undefined ? undefined : sent.map(contentOf(write));
  const headersOf = (id: number, index: number) => (contents?.[index] === "" ? {} : (contestant.headers?.(id) ?? {}));
  const result = await generate({
    port: server.port,
    paths: sent.map((id, index) => (contents?.[index] ? (write?.path ?? contestant.path) : contestant.path)(id)),
    headers: contestant.headers === undefined ? undefined : sent.map(headersOf),
    write: write === undefined || contents === undefined ? undefined : { method: write.method, contents },
    connections,
    isDistinct: contestant.isDistinct ?? false,
    seconds,
    folder,
    signal,
  });
  const elapsed = (performance.now() - startedAt) / 1000;
  const after = cpuSnapshot(server.pid, database.pid);
  const serverCpu = (after.server - before.server) / elapsed;
  const postgresCpu = (after.postgres - before.postgres) / elapsed;
  const loadCpu = (after.ended - before.ended + ownSeconds() - ownBefore) / elapsed;
  const strangersCpu = (after.machine - before.machine) / elapsed - serverCpu - postgresCpu - loadCpu;
  const microsecondsEach = ((after.server - before.server) / Math.max(1, result.requests)) * 1e6;
  return { ...result, microsecondsEach, serverCpu, postgresCpu, loadCpu, strangersCpu: Math.max(0, strangersCpu) };
}

function contentOf({ content, every = 1 }: WriteRequest): (id: number, index: number) => string {
  return (id, index) => (index % every === 0 ? content(id) : "");
}

/** `ended`: what our children that have ended used, the load generator above all. */
function cpuSnapshot(server: number, postmaster: number) {
  return {
    // Varnish serves in a child.
    server: treeSeconds(server),
    postgres: treeSeconds(postmaster),
    ended: endedSeconds(process.pid),
    machine: machineSeconds(),
  };
}

/** Where autocannon runs. */
function ownSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

function rotate<Item>(items: readonly Item[], by: number): readonly Item[] {
  const start = by % items.length;
  return [...items.slice(start), ...items.slice(0, start)];
}

function describeRound({ requests, seconds, failures, strangersCpu }: Round): string {
  const failed = failures > 0 ? `, ${failures} FAILED` : "";
  const noise = strangersCpu > NOISE ? ` (other programs used ${Math.round(strangersCpu * 100)}% of a core)` : "";
  return `${Math.round((requests - failures) / seconds)} requests/s${failed}${noise}`;
}

/** More of a core than this taken by strangers makes figures doubtful. */
export const NOISE = 0.1;

function isQuiet({ strangersCpu }: Round): boolean {
  return strangersCpu <= NOISE;
}

/** The rounds that strangers disturbed least: chosen by what others did, not by how a contestant fared. */
function quietest(rounds: readonly Round[], count: number): readonly Round[] {
  return rounds.toSorted((a, b) => a.strangersCpu - b.strangersCpu).slice(0, count);
}

function toScore({ name, role }: Contestant, rounds: readonly Round[]): Score {
  const of = (pick: (round: Round) => number) => median(rounds.map(pick));
  return {
    name,
    role,
    // A failed request is not served: it counts against, however quick it was.
    requestsPerSecond: of(({ requests, failures, seconds }) => Math.max(0, requests - failures) / seconds),
    p50Ms: of(({ p50Ms }) => p50Ms),
    p99Ms: of(({ p99Ms }) => p99Ms),
    microsecondsEach: of(({ microsecondsEach }) => microsecondsEach),
    serverCpu: of(({ serverCpu }) => serverCpu),
    postgresCpu: of(({ postgresCpu }) => postgresCpu),
    loadCpu: of(({ loadCpu }) => loadCpu),
    failures: rounds.reduce((sum, { failures }) => sum + failures, 0),
    rounds,
  };
}
