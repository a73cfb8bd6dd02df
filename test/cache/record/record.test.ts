import assert from "node:assert/strict";
import test from "node:test";
import { crc32 } from "node:zlib";
import * as fc from "fast-check";
import { decodeRecord, encodeRecord, RECEIVED_AT_OFFSET, RECORD_VERSION } from "../../../src/cache/record/record.ts";
import type { StoredReply } from "../../../src/cache/store.ts";
import { makeReply } from "../replies.ts";

const text = fc.oneof(fc.string({ maxLength: 30 }), fc.string({ unit: "binary", maxLength: 30 }));
const time = fc.oneof(fc.integer({ min: 0, max: 4e12 }), fc.double({ min: 0, noNaN: true }));
const replies = fc.record(
  {
    status: fc.integer({ min: 100, max: 599 }),
    statusText: text,
    headers: fc.dictionary(text, fc.oneof(text, fc.array(text, { maxLength: 3 })), { noNullPrototype: true }),
    body: fc.uint8Array({ maxLength: 3000 }),
    requestedAtMs: time,
    receivedAtMs: time,
    keepUntilMs: fc.oneof(time, fc.constant(Number.POSITIVE_INFINITY)),
    vary: fc.array(fc.tuple(text, fc.option(text)), { maxLength: 4 }),
    range: fc.record({ first: fc.nat(), last: fc.nat(), size: fc.nat() }, { noNullPrototype: true }),
    tags: fc.array(text, { maxLength: 5 }),
  },
  {
    requiredKeys: ["status", "headers", "body", "requestedAtMs", "receivedAtMs", "keepUntilMs", "vary", "tags"],
    noNullPrototype: true,
  },
);

test("a reply comes back as it was written, byte for byte", () => {
  fc.assert(
    fc.property(replies, (reply: StoredReply) => {
      const read = decodeRecord(encodeRecord(reply));
      assert.deepEqual(read && { ...read, body: [...read.body] }, { ...reply, body: [...reply.body] });
    }),
  );
});

test("a record at any offset of a larger buffer reads the same", () => {
  const record = encodeRecord(makeReply({ body: "text" }));
  const chunk = Buffer.concat([Buffer.alloc(7), record, Buffer.alloc(9)]);
  assert.deepEqual(decodeRecord(chunk.subarray(7, 7 + record.length)), decodeRecord(record));
});

test("no random bytes read as a reply, and none throw", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => decodeRecord(bytes) === undefined));
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 28, maxLength: 200 }), (bytes) => {
      decodeRecord(seal(bytes));
    }),
  );
});

test("a record that lost, gained or changed bytes reads as nothing", () => {
  fc.assert(
    fc.property(replies, fc.nat(), fc.integer({ min: 1, max: 255 }), (reply: StoredReply, place, difference) => {
      const record = encodeRecord(reply);
      const at = place % record.length;
      assert.equal(decodeRecord(record.subarray(0, at)), undefined, "cut short");
      assert.equal(decodeRecord(Buffer.concat([record, Buffer.of(difference)])), undefined, "longer");
      record[at] = (record[at] ?? 0) ^ difference;
      assert.equal(decodeRecord(record), undefined, "changed");
    }),
  );
});

test("a head of another shape reads as nothing though its checksum fits", () => {
  const heads = [
    "",
    "null",
    "{}",
    "[]",
    `["200",null,{},[],null,[]]`,
    `[200,1,{},[],null,[]]`,
    `[200,null,[],[],null,[]]`,
    `[200,null,{"a":1},[],null,[]]`,
    `[200,null,{"a":[1]},[],null,[]]`,
    `[200,null,{},[["a"]],null,[]]`,
    `[200,null,{},[["a",1]],null,[]]`,
    `[200,null,{},[],{"first":0},[]]`,
    `[200,null,{},[],null,[1]]`,
  ];
  for (const head of heads) assert.equal(decodeRecord(withHead(head)), undefined, head);
  assert.ok(decodeRecord(withHead(`[200,null,{"a":["b"]},[["a",null]],{"first":0,"last":1,"size":2},["t"]]`)));
});

function withHead(head: string): Buffer {
  const bytes = Buffer.alloc(28 + head.length);
  bytes.writeUInt32BE(head.length, 24);
  bytes.write(head, 28);
  return seal(bytes);
}

/** Puts the version and the right checksum in front. */
function seal(bytes: Uint8Array): Buffer {
  const record = Buffer.concat([Buffer.alloc(RECEIVED_AT_OFFSET), bytes]);
  record[0] = RECORD_VERSION;
  record.writeUInt32BE(crc32(bytes), 1);
  return record;
}
