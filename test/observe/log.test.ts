import assert from "node:assert/strict";
import { test } from "node:test";
import { assert as check, property, string } from "fast-check";
import { createLog, type LogOptions } from "../../src/observe/log.ts";
import { redact } from "../../src/observe/redact.ts";

function capture(level?: LogOptions["level"]) {
  const lines: string[] = [];
  return { lines, log: createLog({ level, destination: { write: (line) => void lines.push(line) } }) };
}

test("a line is one JSON object with level, time and message; levels below the chosen one are silent", () => {
  const { log, lines } = capture("warn");
  log.debug({}, "a");
  log.info({}, "b");
  log.warn({ port: 1 }, "c");
  log.error({ err: new TypeError("wrong") }, "d");
  assert.equal(lines.length, 2);
  const [warning, error] = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.equal(warning?.level, "warn");
  assert.equal(warning?.msg, "c");
  assert.equal(warning?.port, 1);
  assert.ok(!Number.isNaN(Date.parse(String(warning?.time))));
  assert.equal((error?.err as { type: string } | undefined)?.type, "TypeError");
});

test("secrets do not reach the log, wherever they stand", () => {
  const { log, lines } = capture();
  const secret = "hunter2";
  const url = `postgres://shop:${secret}@db.internal:5432/shop`;
  log.info(
    { url, nested: { deep: [{ headers: { Authorization: `Bearer ${secret}xyz`, cookie: secret } }] } },
    `connecting to ${url}`,
  );
  log.error({ err: new Error(`cannot reach ${url}`, { cause: new Error(`redis://:${secret}@cache`) }) }, "failed");
  log.info(
    { "set-cookie": [secret, secret], apikey: secret, path: `/a?password=${secret}&b=1` },
    `Bearer ${secret}-token`,
  );
  const text = lines.join("");
  assert.doesNotMatch(text, /hunter2/);
  assert.match(text, /postgres:\/\/shop:\*\*\*@db\.internal:5432\/shop/);
  for (const line of lines) JSON.parse(line);
});

test("a password of any characters is taken out and the line stays JSON", () => {
  const passwords = string({ unit: "grapheme-ascii", minLength: 3, maxLength: 40 }).filter((p) => !/\s|^\d/.test(p));
  check(
    property(passwords, (value) => {
      const line = JSON.stringify({ url: `postgres://u:<${value}>@host/db`, next: 1 });
      const redacted = redact(line);
      assert.deepEqual(JSON.parse(redacted), { url: "postgres://u:***@host/db", next: 1 });
    }),
  );
});

test("addresses without credentials stay as they are", () => {
  for (const text of [
    "http://localhost:3000/a@b",
    "http://localhost:3000",
    "https://a.b/c:d",
    "see http://[::1]:80/ now",
  ]) {
    assert.equal(redact(JSON.stringify({ text })), JSON.stringify({ text }));
  }
});

test("a long hostile line takes no long time", () => {
  const began = performance.now();
  for (const piece of ["a://b:", "://", '"token":"', "Bearer ", "?token=", "\\"]) redact(piece.repeat(100_000));
  // What took quadratic time would need hours.
  assert.ok(performance.now() - began < 60_000);
});

test("for people a line is the time of day, the level, the message and what it is about, without secrets", () => {
  const lines: string[] = [];
  const log = createLog({ pretty: true, destination: { write: (line) => void lines.push(line) } });
  log.info({ method: "GET", path: "/a b", status: 200, token: "hunter2" }, "request");
  log.error({ err: new TypeError("wrong") }, "failed");
  const [first = "", second = ""] = lines;
  assert.match(first, /^\d\d:\d\d:\d\d info {2}request method=GET path="\/a b" status=200 token=\*\*\*\n$/);
  assert.match(second, /^\d\d:\d\d:\d\d error failed\n {4}TypeError: wrong\n {8}at [^]*\n$/);
});
