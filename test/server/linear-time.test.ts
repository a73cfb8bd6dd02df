// No text of a request takes time that grows with its square: fields, targets and log lines as long as they may be, made of what
// regular expressions and scanners trip over.
import assert from "node:assert/strict";
import { test } from "node:test";
import { parseItem } from "../../src/http/structured-fields.ts";
import { redact } from "../../src/observe/redact.ts";
import { testDatabase } from "../support/postgres.ts";
import { serve } from "../support/server.ts";

const PUMPS = [
  "\t",
  " ",
  ",",
  ";",
  "=",
  '"',
  "\\",
  "a,",
  "a;",
  'a="',
  "(",
  "[",
  "://x:",
  "://:a",
  "gzip;q=1,",
  "0-1,",
  "*",
  "-",
  "%20",
  "x=",
];
const FIELDS = [
  "accept",
  "accept-encoding",
  "accept-language",
  "authorization",
  "cache-control",
  "consistency-token",
  "content-type",
  "cookie",
  "forwarded",
  "idempotency-key",
  "if-match",
  "if-modified-since",
  "if-none-match",
  "if-range",
  "origin",
  "prefer",
  "range",
  "request-timeout",
  "te",
  "via",
  "x-forwarded-for",
];
const LENGTH = 7000;
/** Linear work on so much text takes microseconds; its square, seconds for each. */
const MAX_MS = 15_000;

test("header fields of every kind, as long as they may be, are read in linear time", async (t) => {
  const api = await serve(t, await testDatabase(t, { sql: "create table note (id int primary key)" }));
  const startedAt = performance.now();
  for (const name of FIELDS) {
    for (const pump of PUMPS) {
      const value = `a${pump.repeat(LENGTH / pump.length)}b`;
      const { status } = await api.get("/note", { [name]: value });
      assert.ok(status < 500, `${name}: ${status}`);
    }
  }
  // Links of replies repeat the target, and Node's client takes heads of 16 KiB.
  const length = LENGTH / 3;
  for (const pump of PUMPS.filter((pump) => !/[\t "\\]/.test(pump))) {
    for (const target of [
      `/note?select=${pump.repeat(length / pump.length)}`,
      `/note?id=in.(${pump.repeat(length / pump.length)}`,
    ]) {
      assert.ok((await api.get(target)).status < 500);
    }
  }
  assert.ok(performance.now() - startedAt < MAX_MS, `${performance.now() - startedAt} ms`);
});

test("log lines are searched for secrets, and structured fields parsed, in linear time", () => {
  const startedAt = performance.now();
  for (const pump of [...PUMPS, "://x ", "://x@", '"token":[', "Bearer ", "?token=", "://:\\\\"]) {
    const line = pump.repeat(40_000 / pump.length);
    redact(`${line}!`);
    redact(`${line}@`);
  }
  for (const pump of ["=", "==a", '"', ";a", "a;"]) {
    assert.equal(parseItem(`:${pump.repeat(40_000 / pump.length)}\u0001:`), undefined);
  }
  assert.ok(performance.now() - startedAt < MAX_MS, `${performance.now() - startedAt} ms`);
});
