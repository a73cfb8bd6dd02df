// What clients see while the way to Redis, which holds cached replies and counts requests, is disturbed: nothing.
import assert from "node:assert/strict";
import { test } from "node:test";
import { upstream } from "../../src/server/define-api.ts";
import { startFaultProxy, through } from "../support/fault-proxy.ts";
import { startRedis } from "../support/redis.ts";
import { type ServedApi, serveSources } from "../support/server.ts";
import { startOrigin } from "../upstream/harness.ts";
import { describeFailures, DISTURBANCES, load, type Question, recovered } from "./load.ts";

for (const { name, begin } of DISTURBANCES) {
  test(`the way to Redis is ${name}: every reply is right, soon, and Redis is used again afterwards`, async (t) => {
    const redis = await startRedis(t);
    if (redis === undefined) return;
    const proxy = await startFaultProxy(t, redis.port);
    const { url } = await startOrigin(t, ({ url: path }, response) => {
      response.setHeader("cache-control", "max-age=60");
      response.end(`content of ${path} ${"x".repeat(3000)}`);
    });
    const api = await serveSources(
      t,
      { "/": upstream(url) },
      {
        cache: { redis: through(redis.url, proxy), prefix: "faults" },
        limits: [{ name: "plenty", quota: 1_000_000, window: "1h", by: "ip" }],
      },
    );
    let asked = 0;
    const questions: Question[] = [...get(api, () => `/same/${asked % 5}`), ...get(api, () => `/new/${asked++}`)];
    await recovered(questions, "before");
    begin(proxy);
    const { right, failed, wrong, slowestMs } = await load(questions, { rounds: 40, clients: 8 });
    t.diagnostic(`${right} right, failed: ${describeFailures(failed)}; slowest ${Math.round(slowestMs)} ms`);
    assert.deepEqual(wrong, []);
    assert.deepEqual([...failed], [], "no failure of Redis is a failure of ours");
    assert.ok(slowestMs < 15_000, `${slowestMs} ms`);
    proxy.heal();
    await usedAgain(api, questions);
  });
}

/** Requests write to Redis again. */
async function usedAgain(api: ServedApi, questions: readonly Question[]): Promise<void> {
  const until = performance.now() + 30_000;
  const written = async (): Promise<number> =>
    Number(
      (await api.metrics()).match(/^hotpath_cache_tier_calls\{tier="redis",outcome="written"\} (\d+)$/m)?.[1] ??
        Number.NaN,
    );
  const before = await written();
  assert.ok(Number.isFinite(before), "there is a count of what was written to Redis");
  while (!((await written()) > before)) {
    assert.ok(performance.now() < until, "Redis is not used again");
    await load(questions, { rounds: 1, clients: 2 });
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function get(api: ServedApi, pathOf: () => string): readonly Question[] {
  let path = "";
  return [
    {
      label: "a cached reply",
      ask() {
        path = pathOf();
        const asked = path;
        return api.get(asked).then((answer) => {
          assert.ok(answer.status !== 200 || answer.text.startsWith(`content of ${asked} x`), answer.text.slice(0, 80));
          return answer;
        });
      },
      judge: ({ status }) => (status === 200 ? undefined : String(status)),
    },
  ];
}
