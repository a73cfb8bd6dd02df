import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import * as fc from "fast-check";
import { tapBytes } from "../../../src/postgres/pool/bytes-tap.ts";

/** A message of the protocol: its type, its length with itself, its content. */
function message(type: string, content: Uint8Array): Buffer {
  const head = Buffer.alloc(5);
  head.write(type, "latin1");
  head.writeUInt32BE(content.length + 4, 1);
  return Buffer.concat([head, content]);
}

function row(fields: readonly (Uint8Array | null)[]): Buffer {
  const count = Buffer.alloc(2);
  count.writeUInt16BE(fields.length);
  const parts = fields.flatMap((field) => {
    const length = Buffer.alloc(4);
    length.writeInt32BE(field === null ? -1 : field.length);
    return field === null ? [length] : [length, field];
  });
  return message("D", Buffer.concat([count, ...parts]));
}

/** Calls that end with `Z`; those with bytes have them in their second field. */
const CALL = fc.record({
  hasBytes: fc.boolean(),
  rows: fc.array(fc.tuple(fc.string({ unit: "binary" }), fc.option(fc.uint8Array({ maxLength: 300 }))), {
    maxLength: 4,
  }),
  notice: fc.option(fc.uint8Array({ maxLength: 200 })),
});

test("rows of bytes are taken out of a stream however it is cut, and everything else goes on as it came", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(CALL, { minLength: 1, maxLength: 6 }),
      fc.array(fc.integer({ min: 1, max: 40 })),
      async (calls, sizes) => {
        const sent: Buffer[] = [];
        const forwarded: Buffer[] = [];
        const expected: (string | null)[][] = [];
        for (const { hasBytes, rows, notice } of calls) {
          const put = (bytes: Buffer, isForwarded: boolean): void => {
            sent.push(bytes);
            if (isForwarded) forwarded.push(bytes);
          };
          put(message("2", Buffer.alloc(0)), true);
          if (notice !== null) put(message("N", notice), true);
          for (const [text, bytes] of rows) {
            put(row([Buffer.from(text), bytes]), !hasBytes);
            if (hasBytes)
              expected.push([
                Buffer.from(text).toString(),
                bytes === null ? null : Buffer.from(bytes).toString("latin1"),
              ]);
          }
          put(message("Z", Buffer.from("I")), true);
        }
        const stream = new PassThrough();
        const seen: Buffer[] = [];
        const read: (string | null)[][] = [];
        let current = 0;
        let parsed = 0;
        // As pg would, counts the calls that have ended by what it is given.
        stream.on("data", (chunk: Buffer) => {
          seen.push(chunk);
          const all = Buffer.concat(seen);
          for (; all.length - parsed >= 5 && all.length - parsed > all.readUInt32BE(parsed + 1);) {
            if (all.toString("latin1", parsed, parsed + 1) === "Z") current++;
            parsed += 1 + all.readUInt32BE(parsed + 1);
          }
        });
        tapBytes(stream, {
          get bytesCalls() {
            return calls.slice(current).filter(({ hasBytes }) => hasBytes).length;
          },
          bytesPlace: () => (calls[current]?.hasBytes === true ? 1 : -1),
          row: (fields) => read.push([...fields]),
        });
        const whole = Buffer.concat(sent);
        for (let at = 0, cut = 0; at < whole.length; cut++) {
          const size = sizes.length === 0 ? whole.length : (sizes[cut % sizes.length] ?? 1);
          stream.emit("data", whole.subarray(at, at + size));
          at += size;
        }
        assert.deepEqual(read, expected);
        assert.deepEqual(Buffer.concat(seen), Buffer.concat(forwarded));
      },
    ),
    { numRuns: 500 },
  );
});
