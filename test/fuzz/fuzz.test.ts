import assert from "node:assert/strict";
import { test } from "node:test";
import { WireConnection } from "./connection.ts";
import { KEPT } from "./kept.ts";
import { runFuzz, startTarget, tryOut } from "./run.ts";

/** `npm run check:fuzz` is the long form. */
const REQUESTS = 3000;

test("every request made at random is answered, none with a 500, and the server lives on", async (t) => {
  const { requests, findings, statuses } = await runFuzz(t, {
    seed: 20_261_127,
    from: 0,
    requests: REQUESTS,
    say: (line) => t.diagnostic(line),
  });
  assert.deepEqual(findings, []);
  assert.equal(requests, REQUESTS);
  // Not all of them are refused at the door.
  for (const status of ["200", "201", "204", "304", "400", "404"]) assert.ok(statuses.has(status), status);
});

test("what once was answered badly is answered well", async (t) => {
  const target = await startTarget(t);
  const connection = new WireConnection(target.port);
  t.after(() => connection.close());
  for (const { was, method, head, content = "" } of KEPT) {
    const length = content === "" ? "" : `Content-Length: ${Buffer.byteLength(content)}\r\n`;
    const bytes = Buffer.from(`${head.join("\r\n")}\r\nHost: fuzz\r\n${length}\r\n${content}`);
    assert.equal(await tryOut({ method, bytes, isFramed: true }, connection), undefined, was);
  }
  assert.deepEqual(target.complaints, []);
});
