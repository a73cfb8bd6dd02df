/**
 * Prints the figures that docs/decisions.md gives for hashing, compression and the represent stage. No test:
 * `node test/content/compression/measure.ts`, on a machine that does nothing else.
 */
import { hash } from "node:crypto";
import { Readable } from "node:stream";
import { promisify } from "node:util";
import {
  brotliCompress,
  brotliCompressSync,
  constants,
  gzip,
  gzipSync,
  zstdCompress,
  zstdCompressSync,
} from "node:zlib";
import type { HttpRequest } from "../../../src/http/message.ts";
import { createRepresent, REPRESENT_DEFAULTS } from "../../../src/server/represent.ts";

interface Contestant {
  readonly name: string;
  readonly now: (content: Buffer) => Buffer;
  readonly later: (content: Buffer) => Promise<Buffer>;
}

const LEVELS: readonly (readonly [string, readonly number[]])[] = [
  ["gzip", [1, 3, 4, 5, 6, 9]],
  ["brotli", [1, 2, 3, 4, 5, 6]],
  ["zstd", [-1, 1, 3, 5, 6, 9]],
];

await main();

async function main(): Promise<void> {
  measureHashes();
  await measureLevels();
  measureRepresent();
}

function measureHashes(): void {
  print("hash: algorithm, bytes, µs");
  for (const bytes of [300, 10_000, 100_000]) {
    const text = rowsOf(bytes).toString();
    for (const algorithm of ["md5", "sha1", "sha256", "sha512", "blake2b512", "blake2s256"]) {
      print(algorithm, bytes, median(2_000_000 / bytes, () => void hash(algorithm, text, "base64url")).toFixed(2));
    }
  }
}

async function measureLevels(): Promise<void> {
  print("compression: level, bytes in, bytes out, µs at once, µs by the pool");
  for (const bytes of [1024, 4096, 10_000, 16_384, 100_000]) {
    const content = rowsOf(bytes);
    for (const [algorithm, levels] of LEVELS) {
      for (const level of levels) {
        const { name, now, later } = contestant(algorithm, level, content.byteLength);
        const rounds = 3_000_000 / bytes;
        const atOnce = median(rounds, () => void now(content));
        const byPool = await medianLater(rounds, async () => void (await later(content)));
        print(name, content.byteLength, now(content).byteLength, atOnce.toFixed(0), byPool.toFixed(0));
      }
    }
  }
}

function measureRepresent(): void {
  print("represent: what, µs");
  const represent = createRepresent(REPRESENT_DEFAULTS);
  const reply = { status: 200, headers: { "content-type": "application/json" }, body: rowsOf(300).toString() };
  const accept = { "accept-encoding": "gzip, deflate, br, zstd" };
  const first = represent(request(accept), reply);
  if (first instanceof Promise) throw new Error("A short reply needs no promise.");
  const again = { ...accept, "if-none-match": String(first.headers["etag"]) };
  for (const [name, asked] of [
    ["GET of 300 bytes", request(accept)],
    ["the same, 304", request(again)],
  ] as const) {
    // In hundreds, since one takes as long as reading the clock.
    const hundred = median(2000, () => {
      for (let turn = 0; turn < 100; turn++) void represent(asked, reply);
    });
    print(name, (hundred / 100).toFixed(2));
  }
}

function contestant(algorithm: string, level: number, bytes: number): Contestant {
  const name = `${algorithm} ${level}`;
  const chunkSize = Math.max(512, bytes >> 2);
  if (algorithm === "gzip") {
    const options = { level, chunkSize };
    return { name, now: (from) => gzipSync(from, options), later: async (from) => promisify(gzip)(from, options) };
  }
  if (algorithm === "brotli") {
    const params = { [constants.BROTLI_PARAM_QUALITY]: level, [constants.BROTLI_PARAM_SIZE_HINT]: bytes };
    const options = { params, chunkSize };
    const later = async (from: Buffer): Promise<Buffer> => promisify(brotliCompress)(from, options);
    return { name, now: (from) => brotliCompressSync(from, options), later };
  }
  const options = { params: { [constants.ZSTD_c_compressionLevel]: level }, chunkSize, pledgedSrcSize: bytes };
  const later = async (from: Buffer): Promise<Buffer> => promisify(zstdCompress)(from, options);
  return { name, now: (from) => zstdCompressSync(from, options), later };
}

/** Orders as a database answers them: repeated keys, varied values. */
function rowsOf(bytes: number): Buffer {
  let seed = 42;
  const below = (limit: number): number => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((seed / 2 ** 32) * limit);
  };
  const rows: string[] = [];
  for (let length = 0, id = 1; length < bytes; id++) {
    const row = JSON.stringify({
      id,
      customer: `${["Anna", "Bernd", "Carla", "Dmitri", "Elif"][below(5)]} ${["Meyer", "Okafor", "Rossi"][below(3)]}`,
      email: `user${below(100_000)}@example.com`,
      status: ["paid", "shipped", "pending", "cancelled"][below(4)],
      total: `${below(1000)}.${below(90) + 10}`,
      created_at: new Date(1.7e12 + below(1e9)).toISOString(),
      note: below(3) === 0 ? "Leave at the door" : null,
    });
    rows.push(row);
    length += row.length + 1;
  }
  return Buffer.from(`[${rows.join(",")}]`);
}

function median(rounds: number, run: () => void): number {
  for (let round = 0; round < rounds / 2; round++) run();
  const times = Array.from({ length: Math.max(9, rounds) }, () => {
    const start = performance.now();
    run();
    return performance.now() - start;
  });
  return middle(times);
}

async function medianLater(rounds: number, run: () => Promise<void>): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < Math.max(9, rounds); round++) {
    const start = performance.now();
    await run();
    times.push(performance.now() - start);
  }
  return middle(times);
}

function middle(times: number[]): number {
  times.sort((one, other) => one - other);
  return (times[times.length >> 1] ?? Number.NaN) * 1000;
}

function request(headers: Record<string, string>): HttpRequest {
  return {
    method: "GET",
    target: "/",
    path: "/",
    query: "",
    headers,
    httpVersion: "1.1",
    scheme: "http",
    authority: "localhost",
    remoteAddress: "127.0.0.1",
    signal: new AbortController().signal,
    body: Readable.from([]),
  };
}

function print(...cells: (string | number)[]): void {
  process.stdout.write(`${cells.map((cell) => String(cell).padEnd(12)).join(" ")}\n`);
}
