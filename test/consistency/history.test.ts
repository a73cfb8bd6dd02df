import assert from "node:assert/strict";
import { test } from "node:test";
import { History, type Read, type Write } from "./history.ts";

const CLUSTER = { cluster: "0123456789ab", timeline: 1 };

function written(history: History, register: number, value: number, at: number, lsn?: bigint): Write {
  const write = history.begin(register, value, at);
  write.ackedAt = at + 1;
  write.position = lsn === undefined ? undefined : { ...CLUSTER, lsn };
  return write;
}

function reply(values: Record<number, number>, startedAt: number, more: Partial<Read> = {}): Read {
  const entries = Object.entries(values).map(([register, value]) => [Number(register), value] as const);
  return {
    label: "",
    startedAt,
    endedAt: startedAt + 1,
    tokenOf: undefined,
    isStrict: false,
    seen: undefined,
    values: new Map(entries),
    ...more,
  };
}

test("the checker finds every kind of wrong reply, and none in right ones", () => {
  const history = new History(100);
  const first = written(history, 1, 1, 0, 10n);
  written(history, 2, 1, 5);
  const second = written(history, 1, 2, 10, 20n);
  const lost = history.begin(1, 3, 20);
  const rules = (read: Read, registers = [1]) => history.check(read, registers).map(({ rule }) => rule);

  assert.deepEqual(rules(reply({ 1: 0 }, 50)), [], "younger than the bound");
  assert.deepEqual(rules(reply({ 1: 3 }, 50)), [], "of unknown outcome, but written");
  assert.deepEqual(rules(reply({ 1: 4 }, 50)), ["never written"]);
  assert.deepEqual(rules(reply({ 1: 1 }, 111)), ["older than the bound"]);
  assert.deepEqual(rules(reply({ 1: 1 }, 50, { tokenOf: first })), []);
  assert.deepEqual(rules(reply({ 1: 1 }, 50, { tokenOf: second })), ["older than its token"]);
  assert.deepEqual(
    rules(reply({ 1: 2, 2: 0 }, 50, { tokenOf: second }), [1, 2]),
    ["older than its token"],
    "another writer's",
  );
  assert.deepEqual(rules(reply({ 1: 1 }, 50, { isStrict: true })), ["older than the primary"]);
  assert.deepEqual(rules(reply({ 1: 1 }, 50, { seen: new Map([[1, 2]]) })), ["older than what was seen"]);
  assert.deepEqual(rules(reply({ 1: 2 }, 150), [1, 2]), ["a row is missing"]);

  history.outages.push({ from: 15, to: 95 });
  assert.deepEqual(rules(reply({ 1: 1 }, 111)), [], "time without a primary does not count");
  assert.deepEqual(rules(reply({ 1: 1 }, 191)), ["older than the bound"]);
  assert.equal(lost.ackedAt, undefined);
});
