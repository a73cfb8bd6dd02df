import { pipeline, type Readable } from "node:stream";
import {
  type BrotliCompress,
  type BrotliOptions,
  brotliCompress,
  brotliCompressSync,
  constants,
  createBrotliCompress,
  createGzip,
  createZstdCompress,
  type Gzip,
  gzip,
  gzipSync,
  type ZlibOptions,
  type ZstdCompress,
  zstdCompress,
  zstdCompressSync,
  type ZstdOptions,
} from "node:zlib";

/** A content coding that hotpath produces. */
export type Encoding = "zstd" | "br" | "gzip";

/**
 * All of them, in the order preferred where the client has no preference. From 16 KB up zstd makes the size of brotli in two
 * thirds to a third of its time, and brotli makes 4 to 6% less than gzip (docs/decisions.md has the figures). The order settles
 * what clients leave open: browsers list codings without weights, and one that cannot zstd gets brotli.
 */
export const ENCODINGS: readonly Encoding[] = ["zstd", "br", "gzip"];

/**
 * Up to this length content is compressed on the spot, which takes 40 µs (zstd) to 70 µs (brotli) for 16 KiB. The hop to a pool
 * thread costs the event loop 20 to 50 µs, and a lone request 25 to 150 µs of waiting.
 */
export const COMPRESS_AT_ONCE_BYTES = 16 * 1024;

/** Levels for content that is compressed once and sent once: beyond these, time grows far faster than size shrinks. */
const GZIP_LEVEL = 3;
const BROTLI_QUALITY = 3;
const ZSTD_LEVEL = 1;

/**
 * What a stream has brought waits in the encoder no longer than this: rows that arrive slowly are seen as they arrive, and a
 * fast stream loses next to nothing to 50 flushes a second.
 */
const FLUSH_AFTER_MS = 20;

/** A stream's window, 256 KiB: bounds what each stream holds, at under 1% of size. */
const STREAM_WINDOW_LOG = 18;

/**
 * The output buffer starts as a quarter of the input, which JSON seldom exceeds: a small reply that is kept in a cache then does not
 * pin a 16 KiB buffer, and a large one takes few trips to the pool.
 */
const LEAST_CHUNK_BYTES = 512;
const MOST_CHUNK_BYTES = 1024 * 1024;

/** Compresses on the calling thread. */
export function compressSync(content: string | Uint8Array, encoding: Encoding): Uint8Array {
  const bytes = typeof content === "string" ? Buffer.byteLength(content) : content.byteLength;
  if (encoding === "zstd") return zstdCompressSync(content, zstdOptions(bytes));
  if (encoding === "br") return brotliCompressSync(content, brotliOptions(bytes));
  return gzipSync(content, gzipOptions(bytes));
}

/** Compresses on a pool thread. The content must not change meanwhile. */
export async function compress(content: string | Uint8Array, encoding: Encoding): Promise<Uint8Array> {
  const input = typeof content === "string" ? Buffer.from(content) : content;
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
  const done = (error: Error | null, result: Uint8Array): void => {
    if (error === null) resolve(result);
    else reject(error);
  };
  if (encoding === "zstd") zstdCompress(input, zstdOptions(input.byteLength), done);
  else if (encoding === "br") brotliCompress(input, brotliOptions(input.byteLength), done);
  else gzip(input, gzipOptions(input.byteLength), done);
  return promise;
}

/**
 * Compresses a stream as it is read. The result owns the source: when either fails or is destroyed, so is the other.
 * Backpressure holds throughout, so that a slow reader makes the source wait.
 */
export function compressStream(source: Readable, encoding: Encoding): Readable {
  const encoder = createEncoder(encoding);
  let timer: NodeJS.Timeout | undefined;
  const flush = (): void => {
    timer = undefined;
    if (!encoder.destroyed && !encoder.writableEnded) encoder.flush(FLUSH_KINDS[encoding]);
  };
  source.on("data", () => {
    timer ??= setTimeout(flush, FLUSH_AFTER_MS);
  });
  // An error reaches the reader as the encoder's own, so there is nothing else to do about it here.
  return pipeline(source, encoder, () => clearTimeout(timer));
}

const FLUSH_KINDS = {
  zstd: constants.ZSTD_e_flush,
  br: constants.BROTLI_OPERATION_FLUSH,
  gzip: constants.Z_SYNC_FLUSH,
};

function createEncoder(encoding: Encoding): ZstdCompress | BrotliCompress | Gzip {
  if (encoding === "zstd") return createZstdCompress(zstdOptions(undefined));
  if (encoding === "br") return createBrotliCompress(brotliOptions(undefined));
  return createGzip({ level: GZIP_LEVEL });
}

function gzipOptions(bytes: number): ZlibOptions {
  return { level: GZIP_LEVEL, chunkSize: chunkSizeFor(bytes) };
}

function brotliOptions(bytes: number | undefined): BrotliOptions {
  const params = { [constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY };
  if (bytes === undefined) return { params: { ...params, [constants.BROTLI_PARAM_LGWIN]: STREAM_WINDOW_LOG } };
  return { chunkSize: chunkSizeFor(bytes), params: { ...params, [constants.BROTLI_PARAM_SIZE_HINT]: bytes } };
}

function zstdOptions(bytes: number | undefined): ZstdOptions {
  const params = { [constants.ZSTD_c_compressionLevel]: ZSTD_LEVEL };
  if (bytes === undefined) return { params: { ...params, [constants.ZSTD_c_windowLog]: STREAM_WINDOW_LOG } };
  // With the size known zstd takes smaller tables, and the frame tells the client how much to allocate.
  return { chunkSize: chunkSizeFor(bytes), pledgedSrcSize: bytes, params };
}

function chunkSizeFor(bytes: number): number {
  return Math.min(MOST_CHUNK_BYTES, Math.max(LEAST_CHUNK_BYTES, bytes >> 2));
}
