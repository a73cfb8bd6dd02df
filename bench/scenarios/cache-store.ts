import type { Eviction } from "../../src/cache/memory/eviction.ts";
import { createMemoryStore } from "../../src/cache/memory/index.ts";
import { sizeOf } from "../../src/cache/memory/size.ts";
import { S3Fifo, type S3FifoNode } from "../../src/cache/memory/s3-fifo.ts";
import type { StoredReply } from "../../src/cache/store.ts";
import type { Scenario } from "../context.ts";
import { Lru } from "../eviction/lru.ts";
import { Sieve } from "../eviction/sieve.ts";
import { hitRatio } from "../eviction/simulate.ts";
import { generateTrace, type Trace, type TraceShape } from "../eviction/traces.ts";
import { median } from "../statistics.ts";

/** In-process stores: how fast, and how often they have what is asked for. No servers, no load generator. */
export const cacheStore: Scenario = {
  name: "cache-store",
  summary:
    "In-process cache stores: get and set, and the hit ratio of their eviction on Zipf traces with scans and loops.",
  needsDatabase: false,
  async run({ rounds, signal, say }) {
    const contestants = await contestantsOf();
    const speeds = new Map<string, { get: number[]; set: number[] }>();
    for (const { name } of contestants) speeds.set(name, { get: [], set: [] });
    // The first round only warms up.
    for (let round = 0; round <= rounds; round++) {
      for (const contestant of contestants) {
        signal.throwIfAborted();
        const { get, set } = await measure(contestant);
        if (round === 0) continue;
        speeds.get(contestant.name)?.get.push(get);
        speeds.get(contestant.name)?.set.push(set);
      }
      say(`round ${round} of ${rounds}`);
    }
    const traces = TRACES.map(({ name, shape }) => ({ name, trace: generateTrace(shape) }));
    const rows: string[][] = [];
    for (const contestant of contestants) {
      const speed = speeds.get(contestant.name);
      const cells = [millions(median(speed?.get ?? [])), millions(median(speed?.set ?? []))];
      for (const { trace } of traces) cells.push(percent(await replay(contestant, trace)));
      rows.push([contestant.name, ...cells]);
      say(`hit ratios of ${contestant.name}`);
    }
    for (const [name, create] of POLICIES) {
      rows.push([name, "", "", ...traces.map(({ trace }) => percent(hitRatio(create(), trace, ENTRIES)))]);
    }
    return {
      table: { columns: ["store", "get M/s", "set M/s", ...traces.map(({ name }) => name)], rows },
      details: { speeds: [...speeds].map(([name, speed]) => ({ name, ...speed })), rows },
      failures: 0,
      notes: [
        `Speed: ${KEYS} keys with replies of ${BODY_BYTES} bytes, all of which fit. bentocache answers with promises, which are awaited.`,
        `Hit ratios: ${REQUESTS} requests over ${OBJECTS} objects, room for ${ENTRIES}; a miss is put. Lines in brackets are policies alone.`,
      ],
    };
  },
};

/** A cache as it is measured. */
interface Contestant {
  readonly name: string;
  readonly isAsync?: boolean;
  readonly create: (maxEntries: number, valueBytes: number) => KeyedCache;
}

interface KeyedCache {
  get(key: string): unknown;
  set(key: string, value: StoredReply): unknown;
}

const KEYS = 10_000;
const CALLS = 200_000;
const BODY_BYTES = 1024;
const REQUESTS = 200_000;
const OBJECTS = 20_000;
const ENTRIES = 1000;

const SHAPE: TraceShape = { requests: REQUESTS, objects: OBJECTS, alpha: 1 };
const TRACES: readonly { name: string; shape: TraceShape }[] = [
  { name: "Zipf 0.8", shape: { ...SHAPE, alpha: 0.8 } },
  { name: "Zipf 1", shape: SHAPE },
  { name: "Zipf 1.2", shape: { ...SHAPE, alpha: 1.2 } },
  { name: "1, 30% scans", shape: { ...SHAPE, scanShare: 0.3, scanLength: 2000 } },
  { name: "1, 30% loop", shape: { ...SHAPE, loopObjects: 1500, loopShare: 0.3 } },
];

const POLICIES: readonly (readonly [name: string, create: () => Eviction<S3FifoNode>])[] = [
  ["(LRU)", () => new Lru()],
  ["(SIEVE)", () => new Sieve()],
  ["(S3-FIFO)", () => new S3Fifo(ENTRIES)],
];

async function contestantsOf(): Promise<readonly Contestant[]> {
  const rivals = (await import(new URL("../contestants/cache-stores.mjs", import.meta.url).href)) as {
    readonly RIVALS: readonly Contestant[];
  };
  return [{ name: "hotpath", create: createOurs }, ...rivals.RIVALS];
}

function createOurs(maxEntries: number): KeyedCache {
  const entryBytes = sizeOf(keyOf(OBJECTS), [REPLY]);
  const store = createMemoryStore({ maxBytes: Math.ceil(maxEntries * entryBytes * 1.001) + POLICY_BYTES });
  return { get: (key) => store.get(key), set: (key, reply) => store.put(key, reply) };
}

/** What the ghost table takes at this size. */
const POLICY_BYTES = 16_384;

const REPLY: StoredReply = {
  status: 200,
  headers: { "content-type": "application/json", etag: '"0123456789abcdef"', "cache-control": "max-age=3600" },
  body: new Uint8Array(BODY_BYTES),
  requestedAtMs: Date.now(),
  receivedAtMs: Date.now(),
  vary: [],
  tags: [],
  keepUntilMs: Date.now() + 3_600_000,
};

function keyOf(object: number): string {
  return `https://api.example.org/items/${String(object).padStart(8, "0")}?select=id,name`;
}

/** Calls a second. */
async function measure({ create, isAsync }: Contestant): Promise<{ get: number; set: number }> {
  const cache = create(KEYS * 2, BODY_BYTES);
  const keys = Array.from({ length: KEYS }, (_, at) => keyOf(at));
  for (const key of keys) await cache.set(key, REPLY);
  const asked = generateTrace({ requests: CALLS, objects: KEYS, alpha: 1 });
  const get = await time(asked, isAsync, (object) => cache.get(keys[object]!));
  const set = await time(asked, isAsync, (object) => cache.set(keys[object]!, REPLY));
  return { get, set };
}

async function time(trace: Trace, isAsync: boolean | undefined, call: (object: number) => unknown): Promise<number> {
  const startedAt = performance.now();
  if (isAsync) for (const object of trace) await call(object);
  else for (const object of trace) call(object);
  return (trace.length / (performance.now() - startedAt)) * 1000;
}

/** The share of a trace's requests that a cache answers. */
async function replay({ create, isAsync }: Contestant, trace: Trace): Promise<number> {
  const cache = create(ENTRIES, BODY_BYTES);
  let hits = 0;
  for (const object of trace) {
    const key = keyOf(object);
    const found = isAsync ? await cache.get(key) : cache.get(key);
    if (found !== undefined && found !== null) hits++;
    else if (isAsync) await cache.set(key, REPLY);
    else cache.set(key, REPLY);
  }
  return hits / trace.length;
}

function millions(perSecond: number): string {
  return (perSecond / 1e6).toFixed(2);
}

function percent(ratio: number): string {
  return `${(ratio * 100).toFixed(1)}%`;
}
