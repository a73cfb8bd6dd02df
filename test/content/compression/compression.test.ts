import assert from "node:assert/strict";
import { once } from "node:events";
import { PassThrough, Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { describe, it } from "node:test";
import {
  brotliDecompressSync,
  createBrotliDecompress,
  createGunzip,
  createZstdDecompress,
  gunzipSync,
  zstdDecompressSync,
} from "node:zlib";
import * as fc from "fast-check";
import {
  compress,
  compressStream,
  compressSync,
  createEncodingChoice,
  ENCODINGS,
  type Encoding,
  isCompressible,
} from "../../../src/content/compression/index.ts";

const DECODERS: Record<Encoding, (content: Uint8Array) => Buffer> = {
  zstd: (content) => zstdDecompressSync(content),
  br: (content) => brotliDecompressSync(content),
  gzip: (content) => gunzipSync(content),
};

const STREAM_DECODERS = {
  zstd: () => createZstdDecompress(),
  br: () => createBrotliDecompress(),
  gzip: () => createGunzip(),
};

describe("compressible types", () => {
  const yes = [
    "application/json",
    "application/json; charset=utf-8",
    "Application/JSON",
    "application/vnd.pgrst.object+json;nulls=stripped",
    "application/problem+json",
    "text/html",
    "text/csv; charset=utf-8",
    "application/xml",
    "application/atom+xml",
    "image/svg+xml",
    "application/javascript",
    "text/javascript",
    "application/x-protobuf",
    "application/wasm",
  ];
  const no = [
    "",
    "image/png",
    "video/mp4",
    "application/octet-stream",
    "application/zip",
    "application/json-but-not",
    "text/event-stream",
    "application/grpc",
    "application/grpc-web+json",
    "application/connect+json",
    "font/woff2",
  ];
  for (const type of yes) it(`compresses ${type}`, () => assert.equal(isCompressible(type), true));
  for (const type of no) it(`leaves ${type || "no type"} alone`, () => assert.equal(isCompressible(type), false));

  it("answers alike however many types were asked for before", () => {
    for (let index = 0; index < 2000; index++) {
      assert.equal(isCompressible(`text/x-${index}`), true);
      assert.equal(isCompressible(`image/x-${index}`), false);
    }
  });
});

describe("encoding choice", () => {
  it("follows the server's order among equals, and remembers no more than it should", () => {
    const choose = createEncodingChoice(["br", "gzip"]);
    for (let index = 0; index < 1000; index++) {
      assert.equal(choose(`gzip, br, x${index}`).encoding, "br");
      assert.equal(choose(`gzip;q=1, br;q=0.${index}`).encoding, "gzip");
    }
    assert.deepEqual(choose("gzip, identity;q=0"), { encoding: "gzip", isForced: true });
    assert.deepEqual(choose(undefined), { encoding: "identity", isForced: false });
  });
});

for (const encoding of ENCODINGS) {
  const decode = DECODERS[encoding];
  describe(encoding, () => {
    it("gives every content back, at once, later or as a stream", async () => {
      const content = fc.oneof(fc.string({ maxLength: 5000 }), fc.uint8Array({ maxLength: 5000 }));
      await fc.assert(
        fc.asyncProperty(content, async (given) => {
          const plain = Buffer.from(given);
          assert.deepEqual(decode(compressSync(given, encoding)), plain);
          assert.deepEqual(decode(await compress(given, encoding)), plain);
          const stream = compressStream(Readable.from([plain.subarray(0, 7), plain.subarray(7)]), encoding);
          assert.deepEqual(decode(await buffer(stream)), plain);
        }),
        { numRuns: 25 },
      );
    });

    it("gives content back that hardly shrinks, and that is much larger than its buffers", async () => {
      const noise = Buffer.alloc(300_000);
      for (let index = 0, seed = 1; index < noise.length; index++) {
        seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
        noise[index] = seed >>> 24;
      }
      assert.deepEqual(decode(compressSync(noise, encoding)), noise);
      assert.deepEqual(decode(await compress(noise, encoding)), noise);
      const rows = Buffer.from(JSON.stringify(Array.from({ length: 60_000 }, (_, id) => ({ id, name: `user ${id}` }))));
      const small = await compress(rows, encoding);
      assert.ok(small.byteLength < rows.byteLength / 4);
      assert.deepEqual(decode(small), rows);
    });

    it("makes the same bytes of the same content", () => {
      const text = "abc ".repeat(1000);
      assert.deepEqual(compressSync(text, encoding), compressSync(Buffer.from(text), encoding));
    });

    it("holds a source back while nobody reads, so that memory stays bounded", async () => {
      const chunk = Buffer.alloc(64 * 1024);
      // Noise, so that the output is as large as the input.
      for (let index = 0; index < chunk.length; index++) chunk[index] = (Math.imul(index, 2_654_435_761) >>> 13) & 0xff;
      let read = 0;
      const source = new Readable({
        read() {
          read++;
          chunk.writeUInt32LE(Math.imul(read, 2_246_822_519) >>> 0, (read * 997) % 60_000);
          this.push(
            read > 2000 ? null : Buffer.from(chunk.map((byte) => byte ^ (Math.imul(byte + read, read * 7919) & 0xff))),
          );
        },
      });
      const stream = compressStream(source, encoding);
      await once(stream, "readable");
      for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setImmediate(resolve));
      assert.ok(read < 200, `${read} chunks were read ahead`);
      const closed = once(source, "close").catch(() => {});
      stream.destroy();
      await closed;
      assert.ok(source.destroyed);
    });

    it("delivers what has arrived while the source waits for more", { timeout: 5000 }, async () => {
      const source = new PassThrough();
      const decoded = compressStream(source, encoding).pipe(STREAM_DECODERS[encoding]());
      for (const row of ["first row", "second row"]) {
        source.write(row);
        assert.equal(String((await once(decoded, "data"))[0]), row);
      }
      source.end();
      await once(decoded, "end");
    });

    it("passes a failure of the source on to the reader", async () => {
      const source = new PassThrough();
      const stream = compressStream(source, encoding);
      const failed = assert.rejects(buffer(stream), /upstream is gone/);
      source.write("some content");
      source.destroy(new Error("upstream is gone"));
      await failed;
      assert.ok(stream.destroyed);
    });

    it("fails rather than ends when the source closes early", async () => {
      const source = new PassThrough();
      const stream = compressStream(source, encoding);
      const failed = assert.rejects(buffer(stream));
      source.write("half");
      source.destroy();
      await failed;
    });

    it("destroys the source when the reader leaves", async () => {
      for (const reason of [undefined, new Error("client left")]) {
        const source = new PassThrough();
        const stream = compressStream(source, encoding);
        stream.on("error", () => {});
        source.write("some content");
        const closed = once(source, "close").catch(() => {});
        stream.destroy(reason);
        await closed;
        assert.ok(source.destroyed);
      }
    });
  });
}
