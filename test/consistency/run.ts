import { setTimeout as delay } from "node:timers/promises";
import { resolvePostgresSettings } from "../../src/api/options.ts";
import { installTracking } from "../../src/postgres/changes/tracking.ts";
import { caughtUp } from "../postgres/replicas/fixture.ts";
import { privateCluster, queryRows, REPLICATED, runSql, standbyOf, type TestScope } from "../support/postgres.ts";
import type { RedisServer } from "../support/redis.ts";
import { seededRandom } from "../support/seeded-random.ts";
import { serve, type ServedApi } from "../support/server.ts";
import {
  everyPath,
  readAtRandom,
  type Tally,
  valuesOf,
  type World,
  writeDirectly,
  writeThroughNodes,
} from "./clients.ts";
import { createFaults, type Fault } from "./faults.ts";
import { History } from "./history.ts";

export interface RunOptions {
  /** How long faults happen at random; 0: each happens once. */
  readonly seconds: number;
  readonly seed: number;
  readonly redis: RedisServer | undefined;
  readonly readersPerNode: number;
  /** By what the nodes hear of changes. */
  readonly means: "log" | "triggers";
  readonly say: (line: string) => void;
}

export interface Outcome {
  readonly tally: Tally;
  /** Times that each fault happened. */
  readonly faults: ReadonlyMap<string, number>;
  /** Replies compared with the database after the writers had stopped, and what differed. */
  readonly compared: number;
  readonly different: readonly string[];
  /** Reads by where they went, over all nodes. */
  readonly routed: ReadonlyMap<string, number>;
}

const REGISTERS = 40;
const PER_GROUP = 5;
const MAX_LAG_MS = 1500;
/** A cached reply may have been made from a replica that lagged, and may be used while changes are not known for so long. */
const MAX_STALENESS_MS = 1500;
const BOUND_MS = MAX_LAG_MS + MAX_STALENESS_MS;

/**
 * Writers through hotpath and around it, readers on two nodes, two replicas, and faults. Every reply is checked against all that was written;
 * after the writers have stopped, every reply must be what the database says.
 */
export async function runConsistencyCheck(t: TestScope, options: RunOptions): Promise<Outcome> {
  const primary = await privateCluster(t, REPLICATED);
  await runSql(
    primary.url,
    `create table register (id int primary key, grp int not null, n bigint not null);
     create index on register (grp);
     insert into register select i, 1 + (i - 1) / ${PER_GROUP}, 0 from generate_series(1, ${REGISTERS}) i`,
  );
  if (options.means === "triggers") await installTracking(resolvePostgresSettings(primary.url, {}), false);
  const replicas = [await standbyOf(t, primary, "lagging"), await standbyOf(t, primary, "killed")] as const;
  const nodes = await Promise.all(
    [1, 2].map(async () =>
      startNode(
        t,
        primary.url,
        replicas.map(({ url }) => url),
        options,
      ),
    ),
  );
  const over = new AbortController();
  const history = new History(BOUND_MS);
  const tally = emptyTally();
  const random = seededRandom(options.seed);
  const world: World = {
    nodes,
    primaryUrl: primary.url,
    history,
    registers: REGISTERS,
    perGroup: PER_GROUP,
    over: over.signal,
    random,
    tally,
  };
  // Each group has registers of every writer.
  const owned = (writer: number) => Array.from({ length: REGISTERS / 4 }, (_, index) => index * 4 + writer + 1);
  const clients = [
    ...[0, 1, 2].map(async (writer) => writeThroughNodes(world, owned(writer))),
    writeDirectly(world, owned(3)),
    ...nodes.flatMap((_, node) =>
      Array.from({ length: options.readersPerNode }, async () => readAtRandom(world, node)),
    ),
  ];
  const faults = createFaults({ primary, replicas, redis: options.redis, history });
  const happened = await disturb(faults, options, random).finally(() => over.abort());
  await Promise.all(clients);
  await Promise.all(replicas.map(async (replica) => caughtUp(primary, replica)));
  await delay(2 * BOUND_MS);
  const { compared, different } = await compare(world);
  return { tally, faults: happened, compared, different, routed: await routedBy(nodes) };
}

/** Nothing has happened. */
export function emptyTally(): Tally {
  const counts = {
    written: 0,
    writtenDirectly: 0,
    writesFailed: 0,
    reads: 0,
    withToken: 0,
    monotonic: 0,
    readsFailed: 0,
  };
  return { ...counts, cache: new Map(), failures: new Map(), violations: [] };
}

async function startNode(
  t: TestScope,
  url: string,
  replicas: readonly string[],
  { redis, means }: RunOptions,
): Promise<ServedApi> {
  const node = await serve(t, url, {
    postgres: {
      replicas,
      pool: { max: 4, minIdle: 1 },
      consistency: { maxLag: MAX_LAG_MS, checkInterval: 100 },
      changes: { maxStaleness: MAX_STALENESS_MS, follow: means },
    },
    server: { cache: { redis: redis?.url } },
  });
  // Under one name, so that what one node stores in Redis is the other's, too.
  const send: ServedApi["send"] = (method, path, headers, content) =>
    node.send(method, path, { host: "register.example", ...headers }, content);
  return { ...node, send, get: (path, headers) => send("GET", path, headers) };
}

async function disturb(
  faults: readonly Fault[],
  { seconds, say }: RunOptions,
  random: () => number,
): Promise<ReadonlyMap<string, number>> {
  const happened = new Map<string, number>();
  const until = performance.now() + seconds * 1000;
  const next = (turn: number): Fault | undefined => {
    if (turn < faults.length) return faults[turn];
    return performance.now() < until ? faults[Math.floor(random() * faults.length)] : undefined;
  };
  await delay(1000);
  for (let turn = 0; ; turn++) {
    const fault = next(turn);
    if (fault === undefined) return happened;
    say(`${fault.name} …`);
    await fault.happen();
    happened.set(fault.name, (happened.get(fault.name) ?? 0) + 1);
    await delay(500);
  }
}

/** Asks every node for everything once more. */
export async function compare(world: World): Promise<{ compared: number; different: readonly string[] }> {
  const rows = await queryRows(world.primaryUrl, "select id, n from register");
  const truth = new Map(rows.map(({ id, n }) => [Number(id), Number(n)]));
  const different: string[] = [];
  let compared = 0;
  for (const [index, node] of world.nodes.entries()) {
    for (const path of everyPath(world)) {
      const { status, text } = await node.get(path);
      compared++;
      const values = status === 200 ? valuesOf(text) : new Map<number, number>();
      const isEqual = values.size > 0 && [...values].every(([id, n]) => truth.get(id) === n);
      if (!isEqual) different.push(`node ${index + 1} GET ${path}: ${status} ${text}`);
    }
  }
  return { compared, different };
}

async function routedBy(nodes: readonly ServedApi[]): Promise<ReadonlyMap<string, number>> {
  const routed = new Map<string, number>();
  for (const node of nodes) {
    const found = (await node.metrics()).matchAll(
      /^hotpath_reads_routed_total\{target="(\w+)",reason="([\w-]+)"\} (\d+)$/gm,
    );
    for (const [, target, reason, value] of found) {
      const key = `${target} (${reason})`;
      routed.set(key, (routed.get(key) ?? 0) + Number(value));
    }
  }
  return routed;
}
