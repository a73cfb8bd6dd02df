import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { gather, gatherSettled, type Task } from "../../src/routes/gather.ts";

describe("gather", () => {
  it("answers values under their names, or in their places, whichever ends first", async () => {
    const slow = Promise.withResolvers<string>();
    const asked = gather({ user: () => slow.promise, orders: async () => [1, 2], now: () => 3 });
    slow.resolve("ann");
    const { user, orders, now } = await asked;
    assert.deepEqual([user, orders, now], ["ann", [1, 2], 3]);
    assert.deepEqual(await gather([() => "a", async () => 2]), ["a", 2]);
    assert.deepEqual(await gather({}), {});
  });

  it("has no more under way than it may", async () => {
    let [underWay, most] = [0, 0];
    const tasks = Array.from({ length: 50 }, (_, at) => async () => {
      most = Math.max(most, ++underWay);
      await new Promise((resolve) => setImmediate(resolve));
      underWay--;
      return at;
    });
    assert.deepEqual(
      await gather(tasks, { concurrency: 7 }),
      tasks.map((_, at) => at),
    );
    assert.equal(most, 7);
  });

  it("throws the first failure, aborts the others and begins no more", async () => {
    const aborted: unknown[] = [];
    let begun = 0;
    const waiting: Task<never> = async (signal) =>
      new Promise((_resolve, reject) => {
        begun++;
        signal.addEventListener("abort", () => {
          aborted.push(signal.reason);
          reject(signal.reason as Error);
        });
      });
    const failure = new Error("first");
    const tasks = [waiting, waiting, async () => Promise.reject(failure), waiting, waiting];
    await assert.rejects(gather(tasks, { concurrency: 3 }), failure);
    assert.deepEqual(aborted, [failure, failure]);
    assert.equal(begun, 2);
    const thrower = (): never => {
      throw failure;
    };
    await assert.rejects(gather({ thrower }), failure);
  });

  it("settles every task where that is asked for", async () => {
    const failure = new Error("one of them");
    const outcomes = await gatherSettled({
      good: () => 1,
      bad: async () => Promise.reject(failure),
      also: async () => 2,
    });
    assert.deepEqual(outcomes, {
      good: { status: "fulfilled", value: 1 },
      bad: { status: "rejected", reason: failure },
      also: { status: "fulfilled", value: 2 },
    });
  });

  it("ends with its deadline or its signal, also where a task heeds neither", async () => {
    await assert.rejects(gather([deaf], { deadlineMs: 5 }), { code: "HP_DEADLINE" });
    const controller = new AbortController();
    const asked = gather({ deaf }, { signal: controller.signal });
    controller.abort("left");
    await assert.rejects(asked, (reason) => reason === "left");
    const [late] = await gatherSettled([deaf], { deadlineMs: 5 });
    assert.equal(late.status, "rejected");
    await assert.rejects(gather([deaf], { signal: AbortSignal.abort("early") }), (reason) => reason === "early");
  });
});

async function deaf(): Promise<never> {
  return new Promise(() => {});
}
