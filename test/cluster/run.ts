import { setTimeout as delay } from "node:timers/promises";
import { readAtRandom, type Tally, type World, writeDirectly, writeThroughNodes } from "../consistency/clients.ts";
import { History } from "../consistency/history.ts";
import { compare, emptyTally } from "../consistency/run.ts";
import { startFaultProxy } from "../support/fault-proxy.ts";
import { createNetwork } from "../support/network.ts";
import { privateCluster, queryRows, REPLICATED, runSql, type TestScope } from "../support/postgres.ts";
import { type RedisKind, SETS } from "../support/redis-sets.ts";
import { seededRandom } from "../support/seeded-random.ts";
import { type KeptTally, startKept } from "./kept.ts";
import { type ClusterNode, type NetworkName, startNode } from "./node.ts";

export interface ClusterRunOptions {
  readonly kind: RedisKind;
  readonly program: string;
  readonly nodes: number;
  readonly rounds: number;
  readonly seed: number;
  /** Folder of another version of hotpath; absent: there is one alone. */
  readonly other?: string | undefined;
  /** The least: a second's cut, for a test of seconds. */
  readonly isShort?: boolean;
  readonly say: (line: string) => void;
}

export interface ClusterOutcome {
  readonly tally: Tally;
  readonly kept: KeptTally;
  /** Requests that a limit of all nodes let pass, and what it may have let pass at most. */
  readonly passed: number;
  readonly most: number;
  readonly compared: number;
  readonly different: readonly string[];
  readonly faults: readonly string[];
}

const REGISTERS = 40;
const PER_GROUP = 5;
/** Replies of the database may be used while changes are not known for so long. */
const MAX_STALENESS_MS = 1500;
const QUOTA = 1000;
const SHARE_PERCENT = 10;

/**
 * Nodes on hosts of their own, Redis of some kind and PostgreSQL, writers and readers, and what happens to machines: a master of Redis fails over,
 * once with replication that was late, nodes are cut off from Redis and from the database and come back, and one is lost and replaced.
 */
export async function runClusterCheck(t: TestScope, options: ClusterRunOptions): Promise<ClusterOutcome> {
  const random = seededRandom(options.seed);
  const network = await createNetwork<NetworkName>(t, ["redis", "database", "clients"]);
  const primary = await privateCluster(t, REPLICATED);
  await runSql(
    primary.url,
    `create table register (id int primary key, grp int not null, n bigint not null);
     create index on register (grp);
     insert into register select i, 1 + (i - 1) / ${PER_GROUP}, 0 from generate_series(1, ${REGISTERS}) i`,
  );
  const door = await startFaultProxy(t, primary.port, 1, network.address("database"));
  const database = new URL(primary.url);
  database.host = `${network.address("database")}:${door.port}`;
  const redis = await SETS[options.kind](t, options.program, network.address("redis"));
  const kept = await startKept(t, network.address("clients"));
  const config = `{
    sources: {
      "/": postgres(${JSON.stringify(database.href)}, {
        pool: { max: 4, minIdle: 1 },
        consistency: { checkInterval: 100 },
        changes: { maxStaleness: ${MAX_STALENESS_MS} },
      }),
      "/kept": upstream(${JSON.stringify(kept.url)}),
    },
    routes: [get("/limited", { handle: () => ({}) })],
    limits: [{ name: "all", quota: ${QUOTA}, window: "1h", by: "ip", algorithm: "fixed-window", routes: ["/limited"] }],
    limit: { sharePercent: ${SHARE_PERCENT} },
    cache: { redis: ${JSON.stringify(redis.url)}, purgeFrom: ["10.0.0.0/8"] },
    overload: { enabled: false },
    log: { level: "warn" },
  }`;
  const nodes: ClusterNode[] = [];
  for (let at = 0; at < options.nodes; at++) nodes.push(await startNode(t, await network.join(), config));
  options.say(`${options.nodes} nodes, ${options.kind}`);

  const over = new AbortController();
  const tally = emptyTally();
  const world: World = {
    nodes,
    primaryUrl: primary.url,
    history: new History(MAX_STALENESS_MS),
    registers: REGISTERS,
    perGroup: PER_GROUP,
    over: over.signal,
    random,
    tally,
  };
  let passed = 0;
  const owned = (writer: number) => Array.from({ length: REGISTERS / 4 }, (_, index) => index * 4 + writer + 1);
  const clients = [
    ...[0, 1, 2].map(async (writer) => writeThroughNodes(world, owned(writer))),
    writeDirectly(world, owned(3)),
    kept.purge(nodes, over.signal, random),
    ...nodes.flatMap((node, at) => [
      readAtRandom(world, at),
      kept.read(nodes, at, over.signal, random),
      (async () => {
        while (!over.signal.aborted) {
          const answer = await node.get("/limited").catch(() => undefined);
          if (answer?.status === 200) passed++;
          await delay(20);
        }
      })(),
    ]),
  ];
  const faults: string[] = [];
  const settleMs = options.isShort ? 2000 : SETTLE_MS;
  const cut = async (at: number, name: NetworkName, forMs: number): Promise<void> => {
    const { host } = nodes[at % nodes.length]!;
    kept.cutBegins();
    await host.cut(name);
    await delay(forMs);
    await host.heal(name);
    kept.cutOver();
    await delay(settleMs);
  };
  const all: readonly (readonly [name: string, happen: (round: number) => Promise<void>])[] = [
    [
      "Redis fails over",
      async () => {
        kept.cutBegins();
        await redis.failOver();
        kept.cutOver();
        await delay(settleMs);
      },
    ],
    [
      "Redis fails over without its last purges",
      async () => {
        kept.cutBegins();
        await redis.failOver(async () => {
          for (let times = 0; times < 20; times++) await kept.purgeOne(nodes, times);
        });
        kept.cutOver();
        await delay(settleMs);
      },
    ],
    ["a node is cut off from Redis for a second", (round) => cut(round, "redis", 1000)],
    ["a node is cut off from Redis for ten seconds", (round) => cut(round + 1, "redis", 10_000)],
    [
      "each node in turn is cut off from the database",
      async (round) => {
        for (let at = 0; at < nodes.length; at++) await cut(round + at, "database", 4000);
      },
    ],
    [
      "the change stream is cut",
      async () => {
        await queryRows(primary.url, "select pg_terminate_backend(active_pid) from pg_replication_slots where active");
      },
    ],
    [
      "nodes are replaced by another version, and back",
      async () => {
        for (const version of [options.other, undefined]) {
          for (const node of options.other === undefined ? [] : nodes) {
            await node.replace(version);
            await delay(3000);
          }
        }
      },
    ],
    [
      "a node is lost and replaced",
      async (round) => {
        await nodes[(round + 2) % nodes.length]!.replace();
      },
    ],
  ];
  const kinds = options.isShort ? all.filter(([name]) => name.endsWith("for a second")) : all;
  try {
    await delay(1000);
    for (let round = 0; round < options.rounds; round++) {
      for (const [name, happen] of kinds) {
        options.say(`${name} …`);
        await happen(round);
        faults.push(name);
        await delay(500);
      }
    }
  } finally {
    over.abort();
  }
  await Promise.all(clients);
  await delay(2 * MAX_STALENESS_MS);
  const { compared, different } = await compare(world);
  const differentKept = await kept.compare(nodes);
  // A node that counts alone has its share; one that was replaced begins again.
  const shares = nodes.length + options.rounds;
  const most = QUOTA + Math.ceil((shares * QUOTA * SHARE_PERCENT) / 100) + LOST_COUNTS * 2 * options.rounds;
  return { tally, kept: kept.tally, passed, most, compared, different: [...different, ...differentKept], faults };
}

/** What a fail-over may forget of counts: what was let pass while replication was late. */
const LOST_COUNTS = QUOTA / 10;
/** Until connections are there again. */
const SETTLE_MS = 10_000;
