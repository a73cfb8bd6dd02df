import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type Arbitrary,
  array,
  assert as assertProperty,
  bigInt,
  constantFrom,
  integer,
  nat,
  property,
  string,
  tuple,
} from "fast-check";
import { needOf } from "../../../src/postgres/replicas/need.ts";
import { covers, formatLsn, parseLsn, type Position } from "../../../src/postgres/replicas/position.ts";
import { createPositionHistory } from "../../../src/postgres/replicas/history.ts";
import { formatToken, parseToken } from "../../../src/postgres/replicas/token.ts";

const LSN = bigInt({ min: 0n, max: 2n ** 64n - 1n });
const POSITION: Arbitrary<Position> = tuple(
  string({ unit: constantFrom(...Array.from("0123456789abcdef")), minLength: 12, maxLength: 12 }),
  integer({ min: 1, max: 0xffffffff }),
  LSN,
).map(([cluster, timeline, lsn]) => ({ cluster, timeline, lsn }));

test("a token says what it was made of, and anything else says nothing", () => {
  assertProperty(property(POSITION, (position) => assert.deepEqual(parseToken(formatToken(position)), position)));
  assertProperty(property(LSN, (lsn) => assert.equal(parseLsn(formatLsn(lsn)), lsn)));
  const garbled = tuple(POSITION, nat(30), constantFrom(...Array.from("AZaz09-_"))).filter(([position, at, letter]) => {
    return formatToken(position)[at] !== letter && at > 0;
  });
  assertProperty(
    property(garbled, ([position, at, letter]) => {
      const token = formatToken(position);
      const parsed = parseToken(token.slice(0, at) + letter + token.slice(at + 1));
      assert.ok(parsed === undefined || parsed === "foreign");
    }),
  );
  assertProperty(property(string(), (text) => assert.ok(typeof parseToken(text) !== "object")));
});

test("of several tokens the highest counts, and what cannot be compared asks for the primary", () => {
  assert.deepEqual(needFor(`${at(5n)}, ${at(9n)},${at(7n)}`), { cluster: "0123456789ab", timeline: 1, lsn: 9n });
  assert.equal(needFor(`${at(5n)},${at(9n, 2)}`), "foreign");
  assert.equal(needOf({ headers: { prefer: "count=exact, consistency=primary" } }), "asked");
  assert.equal(needOf({ headers: {} }), undefined);
  for (const wrong of ["", "abc", at(1n).slice(1), Array(9).fill(at(1n)).join(","), "A".repeat(200)]) {
    assert.throws(() => needFor(wrong), { code: "HP_TOKEN_INVALID" }, wrong);
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
  const growth = array(tuple(bigInt({ min: 0n, max: 5n }), integer({ min: 0, max: 3 })), {
    maxLength: 600,
  });
  assertProperty(
    property(growth, bigInt({ min: 0n, max: 1500n }), (steps, lsn) => {
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

function at(lsn: bigint, timeline = 1): string {
  return formatToken({ cluster: "0123456789ab", timeline, lsn });
}

function needFor(token: string): unknown {
  return needOf({ headers: { "consistency-token": token } });
}
