import { createServer } from "node:http";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import type { AskedNode } from "../consistency/clients.ts";
import { defer, type TestScope } from "../support/defer.ts";

/** Replies that only a purge makes out of date: what became of them. */
export interface KeptTally {
  purges: number;
  purgesFailed: number;
  reads: number;
  readsFailed: number;
  hits: number;
  /** Older than a purge that was said to be done, while a node or Redis was out of reach. */
  staleWhileCut: number;
  /** The same at any other time. */
  readonly stale: string[];
}

/** An origin whose replies may be kept for ten minutes, and clients that change, purge and read them. */
export interface Kept {
  readonly url: string;
  readonly tally: KeptTally;
  purge(nodes: readonly AskedNode[], over: AbortSignal, random: () => number): Promise<void>;
  read(nodes: readonly AskedNode[], at: number, over: AbortSignal, random: () => number): Promise<void>;
  /** Purges one, now, by the first of the nodes that is there. */
  purgeOne(nodes: readonly AskedNode[], first: number): Promise<void>;
  /** From now on nodes may be out of date; until `cutOver`. */
  cutBegins(): void;
  cutOver(): void;
  /** Asks every node for everything once more; answers what is out of date. */
  compare(nodes: readonly AskedNode[]): Promise<string[]>;
}

const KEYS = 24;
/** A purge is in force everywhere at once; a message takes its time on a busy machine. */
const BOUND_MS = 1500;
/** Until a node has noticed that it was cut off, and what it has missed: a connection is silent for six seconds at most. */
const NOTICE_MS = 10_000;
const MOST_TRIES = 20;
const PURGE_PAUSE_MS = 30;
const READ_PAUSE_MS = 5;

export async function startKept(t: TestScope, host: string): Promise<Kept> {
  const versions = Array.from({ length: KEYS }, () => 1);
  /** By key, when a purge that made the version visible was said to be done. */
  const done: { version: number; at: number }[][] = versions.map(() => []);
  const cuts: { from: number; to: number }[] = [];
  const tally: KeptTally = {
    purges: 0,
    purgesFailed: 0,
    reads: 0,
    readsFailed: 0,
    hits: 0,
    staleWhileCut: 0,
    stale: [],
  };
  const server = createServer((request, response) => {
    const key = Number(/\d+$/.exec(request.url ?? "")?.[0] ?? -1);
    response.setHeader("cache-control", "public, max-age=600");
    response.end(String(versions[key] ?? 0));
  });
  server.listen(0, host);
  await once(server, "listening");
  defer(t, () => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;

  /** A purge that was not carried out, since its node is gone, is another node's. */
  async function change(nodes: readonly AskedNode[], first: number, key: number): Promise<void> {
    const version = ++versions[key]!;
    for (let turn = first; turn < first + MOST_TRIES; turn++) {
      const answer = await nodes[turn % nodes.length]!.send("PURGE", `/kept/${key}`).catch(() => undefined);
      if (answer?.status === 200) {
        tally.purges++;
        done[key]!.push({ version, at: performance.now() });
        return;
      }
      tally.purgesFailed++;
    }
    throw new Error(`no node purges /kept/${key}`);
  }

  /** What a reply to a request that began then has to be at least, if nothing was out of reach. */
  function due(key: number, at: number): number {
    return done[key]!.findLast((purge) => purge.at + BOUND_MS <= at)?.version ?? 0;
  }

  return {
    url: `http://${host}:${port}`,
    tally,
    async purge(nodes, over, random) {
      for (let turn = 0; !over.aborted; turn++) {
        await change(nodes, turn, Math.floor(random() * KEYS));
        await delay(PURGE_PAUSE_MS);
      }
    },
    async read(nodes, at, over, random) {
      while (!over.aborted) {
        const key = Math.floor(random() * KEYS);
        const startedAt = performance.now();
        const answer = await nodes[at]!.get(`/kept/${key}`).catch(() => undefined);
        if (answer?.status !== 200) {
          tally.readsFailed++;
          await delay(20);
          continue;
        }
        tally.reads++;
        if (/;\s*hit/.test(String(answer.headers["cache-status"]))) tally.hits++;
        const least = due(key, startedAt);
        if (Number(answer.text) < least) {
          const isCut = cuts.some(({ from, to }) => from <= startedAt && startedAt <= to);
          if (isCut) tally.staleWhileCut++;
          else
            tally.stale.push(
              `node ${at + 1} /kept/${key}: ${answer.text}, must be ${least} or more (${String(answer.headers["cache-status"])})`,
            );
        }
        await delay(READ_PAUSE_MS);
      }
    },
    purgeOne: (nodes, first) => change(nodes, first, 0),
    cutBegins: () => void cuts.push({ from: performance.now(), to: Infinity }),
    cutOver() {
      for (const cut of cuts) if (cut.to === Infinity) cut.to = performance.now() + NOTICE_MS;
    },
    async compare(nodes) {
      const different: string[] = [];
      for (const [at, node] of nodes.entries()) {
        for (const [key, version] of versions.entries()) {
          const { text } = await node.get(`/kept/${key}`);
          if (Number(text) !== version) different.push(`node ${at + 1} /kept/${key}: ${text}, is ${version}`);
        }
      }
      return different;
    },
  };
}
