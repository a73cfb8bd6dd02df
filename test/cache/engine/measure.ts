// What the cache costs on one core: node test/cache/engine/measure.ts
import { Readable } from "node:stream";
import type { SourceReply } from "../../../src/api/source.ts";
import type { SourceRequest } from "../../../src/api/source-request.ts";
import { createCacheEngine } from "../../../src/cache/engine/index.ts";
import { createMemoryStore } from "../../../src/cache/memory/index.ts";
import { createRepresent, REPRESENT_DEFAULTS } from "../../../src/server/represent.ts";

const ROUNDS = 5;
const CALLS = 200_000;
const NEVER = new AbortController().signal;
const NOTHING = Readable.from([]);

const engine = createCacheEngine({ store: createMemoryStore({ maxBytes: 100_000_000 }) });
const represent = createRepresent(REPRESENT_DEFAULTS);
const body = Buffer.from(JSON.stringify(Array.from({ length: 30 }, (_, id) => ({ id, name: `user ${id}` }))));
const fresh = (): SourceReply =>
  answer({ "cache-control": "max-age=3600", etag: '"1"', date: new Date().toUTCString() });
const silent = (): SourceReply => answer({});

const plain = request("/users?id=1");
const coded = request("/users?id=1", { "accept-encoding": "gzip, br, zstd" });
const conditional = request("/users?id=1", { "if-none-match": '"1"' });
await engine.recall(plain, fresh);

await measure("recall, a fresh hit", () => void engine.recall(plain, fresh));
await measure("and represent", () => void represent(plain, hit(plain)));
await measure("and represent, compressed", () => void represent(coded, hit(coded)));
await measure("and represent, a 304", () => void represent(conditional, hit(conditional)));
const known = request("/silent");
await measure("nothing said of caching, without the cache", async () => silent());
await measure("nothing said of caching, a URL known for it", async () => engine.recall(known, silent));
let count = 0;
await measure("making a request of a new URL", () => void request(`/${count++}`));
await measure("making it, and nothing said of caching", async () => engine.recall(request(`/${count++}`), silent));

function hit(asked: SourceRequest): SourceReply {
  const reply = engine.recall(asked, fresh);
  if (reply instanceof Promise) throw new Error("no hit");
  return reply;
}

async function measure(name: string, call: () => unknown): Promise<void> {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round <= ROUNDS; round++) {
    const start = performance.now();
    for (let done = 0; done < CALLS; done++) {
      const result = call();
      if (result instanceof Promise) await result;
    }
    // The first round warms up.
    if (round > 0) best = Math.min(best, (performance.now() - start) / CALLS);
  }
  process.stdout.write(`${(best * 1000).toFixed(2).padStart(7)} µs  ${name}\n`);
}

function answer(headers: Record<string, string>): SourceReply {
  return { status: 200, headers: { "content-type": "application/json", "x-request-id": "1", ...headers }, body };
}

function request(target: string, headers: Record<string, string> = {}): SourceRequest {
  return {
    method: "GET",
    target,
    path: target,
    query: "",
    subpath: target,
    basePath: "",
    headers: { host: "api.example", "user-agent": "measure", accept: "*/*", ...headers },
    httpVersion: "1.1",
    scheme: "http",
    authority: "api.example",
    remoteAddress: "127.0.0.1",
    signal: NEVER,
    body: NOTHING,
  };
}
