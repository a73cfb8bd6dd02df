// Retries, health, limits: what happens to requests when upstreams fail or fall behind.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { describe, test } from "node:test";
import { Address } from "../../src/upstream/address.ts";
import { pickAddress } from "../../src/upstream/balancer.ts";
import { createRetryBudget } from "../../src/upstream/retry.ts";
import { createTurns } from "../../src/upstream/turns.ts";
import { signalOf } from "../server/listener/harness.ts";
import { defer } from "../support/defer.ts";
import { answering, closedPort, serveUpstream, startOrigin, startScript } from "./harness.ts";

describe("a failed request", () => {
  test("is sent again when its method allows it", async (t) => {
    for (const [method, status, sent] of [
      ["GET", 200, 2],
      ["HEAD", 200, 2],
      ["DELETE", 200, 2],
      ["POST", 502, 1],
      ["PATCH", 502, 1],
    ] as const) {
      const { url, connections } = await startScript(t, (socket, connection) => {
        if (connection === 1) answering("", () => socket.resetAndDestroy())(socket);
        else answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")(socket);
      });
      const api = await serveUpstream(t, url);
      assert.equal((await api.send(method, "/")).status, status, method);
      assert.equal(connections(), sent, method);
    }
  });

  test("is sent again whatever its method when nothing of it was written", async (t) => {
    const port = await closedPort();
    const server = createServer((message, response) => void message.resume().once("end", () => response.end("late")));
    const { promise: refused, resolve } = signalOf();
    defer(t, () => new Promise((done) => server.close(() => done())));
    const api = await serveUpstream(t, `http://127.0.0.1:${port}`, { retry: { attempts: 10, backoff: "200ms" } });
    const answer = api.send("POST", "/");
    setImmediate(resolve);
    await refused;
    await new Promise<void>((listening) => server.listen(port, "127.0.0.1", listening));
    assert.deepEqual([(await answer).status, (await answer).text], [200, "late"]);
    server.closeAllConnections();
  });

  test("with a status named for it is tried again, unless it says when", async (t) => {
    let requests = 0;
    const { url } = await startOrigin(t, (message, response) => {
      requests += 1;
      if (message.url === "/busy") response.setHeader("retry-after", "9");
      response.writeHead(message.url === "/busy" || requests % 2 === 1 ? 503 : 200).end();
    });
    const api = await serveUpstream(t, url, { retry: { statuses: ["503"] } });
    assert.equal((await api.get("/")).status, 200);
    assert.equal((await api.get("/busy")).headers["retry-after"], "9");
    assert.equal(requests, 3);
  });

  test("is not sent again once the time for it is over", async (t) => {
    const { url, connections } = await startScript(t, answering(""));
    const api = await serveUpstream(t, url, { timeout: { total: "200ms" } });
    const answer = await api.get("/");
    assert.deepEqual([answer.status, connections()], [504, 1]);
  });

  test("is not sent again when the budget is spent", async (t) => {
    const { url, connections } = await startScript(
      t,
      answering("", (socket) => socket.resetAndDestroy()),
    );
    const api = await serveUpstream(t, url, { retry: { attempts: 1, budgetPercent: 10, backoff: 0 } });
    for (let request = 0; request < 30; request++) await api.get("/");
    assert.ok(connections() < 30 + 10 + 30 / 10 + 1, `${connections()} for 30 requests`);
  });

  test("a budget allows a share of the requests, and little more after a rest", () => {
    const budget = createRetryBudget(20);
    let retries = 0;
    for (let request = 0; request < 10_000; request++) {
      budget.earn();
      if (budget.spend()) retries += 1;
    }
    assert.ok(retries >= 2000 && retries <= 2010, String(retries));
    for (let request = 0; request < 10_000; request++) budget.earn();
    let saved = 0;
    while (budget.spend()) saved += 1;
    assert.equal(saved, 100);
    assert.equal(createRetryBudget(0).spend(), false);
  });
});

describe("several addresses", () => {
  const settings = { maxInFlight: 10, health: { failures: 3, ejectionMs: 1000, maxEjectionMs: 3000 } };
  const make = (name: string): Address => new Address(name, { send() {}, async close() {} }, settings);

  test("share requests by how much each has in flight", () => {
    const [one, other] = [make("a"), make("b")];
    one.begin();
    assert.equal(pickAddress([one, other], [], 0), other);
    const many = Array.from({ length: 10 }, (_, index) => make(String(index)));
    for (let request = 0; request < 50; request++) pickAddress(many, [], 0)?.begin();
    assert.ok(Math.max(...many.map(({ inFlight }) => inFlight)) <= 8);
  });

  test("are full together", () => {
    const pair = [make("a"), make("b")];
    for (let request = 0; request < 20; request++) pickAddress(pair, [], 0)?.begin();
    assert.equal(pickAddress(pair, [], 0), undefined);
  });

  test("lose one that fails for a time that grows, and get it back with its first success", () => {
    const [bad, good] = [make("a"), make("b")];
    const fail = (nowMs: number): boolean => bad.fail(nowMs);
    assert.deepEqual([fail(0), fail(0), fail(0)], [false, false, true]);
    assert.equal(pickAddress([bad, good], [], 999), good);
    assert.equal(pickAddress([bad, good], [], 1000), bad, "one trial");
    bad.begin();
    assert.equal(pickAddress([bad, good], [], 1000), good, "and no second");
    bad.end();
    assert.equal(fail(1000), true);
    assert.equal(bad.outForMs(1000), 2000);
    assert.equal(fail(1500), false, "sent before it went out");
    assert.equal(fail(3000), true);
    assert.equal(bad.outForMs(3000), 3000, "at most the maximum");
    bad.succeed();
    assert.ok(bad.isHealthy());
  });

  test("are never all out", () => {
    const pair = [make("a"), make("b")];
    for (const address of pair) for (let failure = 0; failure < 3; failure++) address.fail(0);
    assert.ok(pickAddress(pair, [], 1));
  });

  test("stand in for one that is away", async (t) => {
    const { url } = await startOrigin(t, (_message, response) => response.end("here"));
    const away = `http://127.0.0.1:${await closedPort()}`;
    const api = await serveUpstream(t, away, { addresses: [url], retry: { budgetPercent: 100, backoff: 0 } });
    for (let request = 0; request < 50; request++) assert.equal((await api.get("/")).text, "here");
    const metrics = await api.metrics();
    assert.match(metrics, new RegExp(`hotpath_upstream_healthy\\{address="${away}"\\} 0`));
    assert.match(metrics, new RegExp(`hotpath_upstream_healthy\\{address="${url}"\\} 1`));
  });
});

describe("an upstream that is full", () => {
  test("lets requests wait their turn, refuses too many, and those that wait too long", async (t) => {
    const { promise: gate, resolve: open } = signalOf();
    let under = 0;
    let most = 0;
    const { url } = await startOrigin(t, (_message, response) => {
      under += 1;
      most = Math.max(most, under);
      const answer = async (): Promise<void> => {
        await gate;
        under -= 1;
        response.end();
      };
      void answer();
    });
    const api = await serveUpstream(t, url, { maxInFlight: 2, maxWaiting: 2 });
    const answers = Array.from({ length: 5 }, async () => api.get("/"));
    const first = await Promise.race(answers);
    assert.equal(first.status, 503);
    assert.match(first.text, /HP_UPSTREAM_OVERLOADED/);
    assert.equal(first.headers["retry-after"], "5");
    open();
    const statuses = (await Promise.all(answers)).map(({ status }) => status).sort((one, other) => one - other);
    assert.deepEqual(statuses, [200, 200, 200, 200, 503]);
    assert.equal(most, 2);
  });

  test("turns are in order, bounded in time, and left by clients that leave", async () => {
    const turns = createTurns<{ readonly name: string }>(10, 50);
    let room = 0;
    const find = () => (room > 0 ? (room--, { name: "place" }) : undefined);
    const order: number[] = [];
    const leaving = new AbortController();
    const waiting = [1, 2, 3].map(async (number) => {
      await turns.take(find, number === 2 ? () => leaving.signal : undefined);
      order.push(number);
    });
    leaving.abort();
    await assert.rejects(waiting[1] as Promise<void>, { code: "HP_UNAVAILABLE" });
    room = 1;
    turns.next();
    await waiting[0];
    await assert.rejects(waiting[2] as Promise<void>, { code: "HP_UPSTREAM_OVERLOADED" });
    assert.deepEqual([order, turns.waiting], [[1], 0]);
  });
});
