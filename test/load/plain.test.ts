import assert from "node:assert/strict";
import { createServer as createHttp2Server } from "node:http2";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { defer } from "../support/defer.ts";
import { listen, runLoadTest } from "./support.ts";

test("as many requests as asked for are sent, with method, fields and content, and every reply is counted by its status", async (t) => {
  const seen: string[] = [];
  const { url } = await listen(t, (request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => (body += chunk.toString()));
    request.on("end", () => {
      seen.push(`${request.method} ${request.url} ${String(request.headers["x-a"])} ${body}`);
      response.statusCode = seen.length % 4 === 0 ? 503 : 200;
      response.end("x");
    });
  });
  const { status, result } = await runLoadTest(t, [
    `${url}/items?a=1`,
    "--requests",
    "400",
    "--connections",
    "7",
    "--workers",
    "2",
    "-X",
    "PUT",
    "-H",
    "X-A: b",
    "--body",
    "content",
  ]);
  assert.equal(status, 0);
  assert.equal(seen.length, 400);
  assert.deepEqual([...new Set(seen)], ["PUT /items?a=1 b content"]);
  assert.equal(result?.metrics["http_reqs"]?.values["count"], 400);
  assert.deepEqual(result?.requests[0]?.statuses, { 200: 300, 503: 100 });
  assert.equal(result?.metrics["http_req_failed"]?.values["passes"], 100);
  assert.equal(result?.metrics["http_req_duration"]?.values["count"], 400);
});

test("a rate is met over processes, and time that requests wait for a connection is part of their response time", async (t) => {
  let isStalled = false;
  let requests = 0;
  const { url } = await listen(t, (_request, response) => {
    requests++;
    if (requests === 100) {
      isStalled = true;
      setTimeout(() => (isStalled = false), 1000);
    }
    const answer = (): void => void (isStalled ? setTimeout(answer, 20) : response.end("x"));
    answer();
  });
  const { result } = await runLoadTest(t, [url, "--rate", "200", "-d", "3s", "--connections", "4", "--workers", "2"]);
  assert.equal(requests, 600, "each that was due was sent");
  const { http_req_duration: service, http_req_response_time: response } = result!.metrics;
  assert.equal(response?.values["count"], 600);
  // Four requests saw the second in which the server stood still; some 200 that were due meanwhile waited for one of those.
  assert.ok(service!.values["med"]! < response.values["p(90)"]!);
  assert.ok(response.values["p(90)"]! > 300, `response time ${response?.values["p(90)"]}`);
});

test("a threshold that fails is shown, and the exit status is 99", async (t) => {
  const { url } = await listen(t, (_request, response) => response.end("x"));
  const words = [
    url,
    "--requests",
    "20",
    "--threshold",
    "http_req_duration:max<0",
    "--threshold",
    "http_reqs:count==20",
  ];
  const { status, out, result } = await runLoadTest(t, words);
  assert.equal(status, 99);
  assert.match(out, /✗ 'max<0' max=/);
  assert.match(out, /✓ 'count==20' count=20/);
  assert.deepEqual(
    result?.thresholds.map(({ passed }) => passed),
    [false, true],
  );
});

test("a server that is not there is an error by its name, not an endless loop", async (t) => {
  const { url, server } = await listen(t, () => undefined);
  server.close();
  await once(server, "close");
  const { status, out, result } = await runLoadTest(t, [url, "-d", "1s", "--connections", "2"]);
  assert.equal(status, 0);
  assert.match(out, /connection refused/);
  assert.ok(result!.metrics["http_reqs"]!.values["count"]! < 500);
});

test("HTTP/2 carries several requests on a connection", async (t) => {
  const sessions = new Set<unknown>();
  const server = createHttp2Server((request, response) => {
    sessions.add(request.stream.session);
    response.end("x".repeat(100));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  defer(t, () => void server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const { result } = await runLoadTest(t, [
    url,
    "--http2",
    "--requests",
    "300",
    "--connections",
    "2",
    "--streams",
    "8",
  ]);
  assert.equal(sessions.size, 2);
  assert.deepEqual(result?.requests[0]?.statuses, { 200: 300 });
});

test("flags that cannot be read are refused by name", async (t) => {
  for (const words of [
    ["--rate", "many"],
    ["--header", "x"],
    ["--threshold", "p(95)<5"],
    ["--stage", "5"],
    ["--host", "a"],
  ]) {
    const { status, err } = await runLoadTest(t, ["http://127.0.0.1:1", ...words]);
    assert.equal(status, 2);
    assert.match(err, new RegExp(words[0]!));
  }
});
