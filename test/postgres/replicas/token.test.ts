import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { needOf } from "../../../src/postgres/replicas/need.ts";
import { covers, formatLsn, parseLsn, type Position } from "../../../src/postgres/replicas/position.ts";
import { createPositionHistory } from "../../../src/postgres/replicas/history.ts";
import { formatToken, parseToken } from "../../../src/postgres/replicas/token.ts";

const LSN = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const POSITION: fc.Arbitrary<Position> = fc
  .tuple(
    fc.string({ unit: fc.constantFrom(..."0123456789abcdef"), minLength: 12, maxLength: 12 }),
    fc.integer({ min: 1, max: 0xffffffff }),
    LSN,
  )
  .map(([cluster, timeline, lsn]) => ({ cluster, timeline, lsn }));

test("a token says what it was made of, and anything else says nothing", () => {
  fc.assert(fc.property(POSITION, (position) => assert.deepEqual(parseToken(formatToken(position)), position)));
  fc.assert(fc.property(LSN, (lsn) => assert.equal(parseLsn(formatLsn(lsn)), lsn)));
  const garbled = fc.tuple(POSITION, fc.nat(30), fc.constantFrom(..."AZaz09-_")).filter(([position, at, letter]) => {
    return formatToken(position)[at] !== letter && at > 0;
  });
  fc.assert(
    fc.property(garbled, ([position, at, letter]) => {
      const token = formatToken(position);
      const parsed = parseToken(token.slice(0, at) + letter + token.slice(at + 1));
      assert.ok(parsed === undefined || parsed === "foreign");
    }),
  );
  fc.assert(fc.property(fc.string(), (text) => assert.ok(typeof parseToken(text) !== "object")));
});

test("of several tokens the highest counts, and what cannot be compared asks for the primary", () => {
  const at = (lsn: bigint, timeline = 1): string => formatToken({ cluster: "0123456789ab", timeline, lsn });
  const need = (token: string) => needOf({ headers: { "consistency-token": token } });
  assert.deepEqual(need(`${at(5n)}, ${at(9n)},${at(7n)}`), { cluster: "0123456789ab", timeline: 1, lsn: 9n });
  assert.equal(need(`${at(5n)},${at(9n, 2)}`), "foreign");
  assert.equal(needOf({ headers: { prefer: "count=exact, consistency=primary" } }), "asked");
  assert.equal(needOf({ headers: {} }), undefined);
  for (const wrong of ["", "abc", at(1n).slice(1), Array(9).fill(at(1n)).join(","), "A".repeat(200)]) {
    assert.throws(() => need(wrong), { code: "HP_TOKEN_INVALID" }, wrong);
  }
});

test("positions of another timeline or cluster are covered by nothing", () => {
  const one: Position = { cluster: "a", timeline: 1, lsn: 10n };
  assert.ok(covers(one, one) && covers({ ...one, lsn: 11n }, one));
  for (const other of [
    { ...one, lsn: 9n },
    { ...one, timeline: 2, lsn: 99n },
    { ...one, cluster: "b", lsn: 99n },
  ]) {
    assert.ok(!covers(other, one));
  }
});

test("a replica never looks younger than it is, however many positions there were", () => {
  const growth = fc.array(fc.tuple(fc.bigInt({ min: 0n, max: 5n }), fc.integer({ min: 0, max: 3 })), {
    maxLength: 600,
  });
  fc.assert(
    fc.property(growth, fc.bigInt({ min: 0n, max: 1500n }), (steps, lsn) => {
      const history = createPositionHistory();
      let [written, at] = [0n, 0];
      let trueAsOf = -Infinity;
      for (const [bytes, elapsed] of steps) {
        written += bytes;
        at += elapsed;
        history.add(written, at);
        if (written <= lsn) trueAsOf = at;
      }
      assert.ok(history.currentAsOf(lsn) <= trueAsOf);
      if (steps.length > 0 && written <= lsn) assert.equal(history.currentAsOf(lsn), trueAsOf);
    }),
  );
});
