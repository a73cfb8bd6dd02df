import assert from "node:assert/strict";
import { test } from "node:test";
import { ownBytes } from "../../src/http/own-bytes.ts";
import { bindHead } from "../../src/postgres/pool/statement.ts";

test("what is kept holds no more than itself", () => {
  const small = Buffer.from("a short reply");
  assert.ok(small.buffer.byteLength > 1000, "cut from a larger buffer");
  const own = ownBytes(small);
  assert.deepEqual(Buffer.from(own), small);
  assert.equal(own.buffer.byteLength, small.byteLength);
  const large = Buffer.allocUnsafeSlow(10_000);
  assert.equal(ownBytes(large), large, "not copied in vain");
  assert.ok(bindHead("hp_name").buffer.byteLength < 64, "a statement's, of which there are thousands");
});
