import assert from "node:assert/strict";
import test from "node:test";
import { startRedis, startSentinel } from "../../support/redis.ts";
import { contents } from "../contract.ts";
import { openNode, until } from "../nodes.ts";
import { makeReply } from "../replies.ts";

test("Sentinel: the replica that becomes master is used, and no call fails meanwhile", async (t) => {
  const master = await startRedis(t);
  if (master === undefined) return;
  const replica = await startRedis(t, [
    "--replicaof",
    "127.0.0.1",
    String(master.port),
    "--repl-diskless-sync-delay",
    "0",
  ]);
  const sentinel = await startSentinel(t, master);
  assert.ok(replica && sentinel);
  const { store, tier } = await openNode(t, `redis+sentinel://127.0.0.1:${sentinel.port}/main`);
  store.put("before", makeReply({ body: "before" }));
  await store.settled("before");
  assert.deepEqual(contents(await tier.remote.read("before")), ["before"]);
  await until(() => sentinel.knowsReplica(), "the sentinel finds the replica", 15_000);
  await master.kill();
  let turn = 0;
  const isBack = async (): Promise<boolean> => {
    const key = `after ${turn++}`;
    await store.get(key);
    store.put(key, makeReply({ body: key }));
    await store.settled(key);
    const found = await tier.remote.read(key).catch(() => undefined);
    return contents(found)[0] === key;
  };
  await until(isBack, "the replica takes over", 20_000);
});
