import assert from "node:assert/strict";
import test from "node:test";
import { startRedisSet } from "../../support/redis-sets.ts";
import { contents } from "../contract.ts";
import { type CacheNode, openNode, until } from "../nodes.ts";
import { makeReply } from "../replies.ts";

const KEYS = Array.from({ length: 48 }, (_, at) => `key ${at}`);

for (const kind of ["single", "sentinel", "cluster"] as const) {
  const rounds = kind === "single" ? ["first", "second"] : ["first"];
  test(
    `${kind}: a purge that was lost with its server is not lost, and no call fails meanwhile`,
    { concurrency: true },
    async (t) => {
      const redis = await startRedisSet(t, kind);
      if (redis === undefined) return;
      const [a, b] = await Promise.all([openNode(t, redis.url), openNode(t, redis.url)]);
      for (const round of rounds) {
        await fill(a, round);
        // Both hold copies, and all masters of a cluster entries.
        for (const key of KEYS) await until(async () => contents(await b.store.get(key))[0] === `${round} ${key}`, key);
        await redis.failOver(async () => {
          await a.store.purge({ kind: "tags", tags: [round] });
          await until(() => b.memory.peek(KEYS[0]!) === undefined, "the purge reaches the other node");
        });
        // Those two remember the purge by themselves.
        const late = await openNode(t, redis.url);
        for (const node of [late, a, b]) {
          await until(async () => isBack(node), "Redis is used again", 60_000);
          for (const key of KEYS) {
            assert.deepEqual(contents(await node.tier.remote.read(key)), [], key);
            assert.equal(await node.store.get(key), undefined, key);
          }
        }
      }
    },
  );
}

/** In memory, and past the guard in Redis: a busy machine must not make it leave one out. */
async function fill({ store, tier }: CacheNode, round: string): Promise<void> {
  for (const key of KEYS) {
    const reply = makeReply({ body: `${round} ${key}`, tags: [round] });
    store.put(key, reply);
    await store.settled(key);
    await tier.remote.write(key, reply);
  }
}

let turn = 0;

/** Writes and reads in every bucket, past the guard: how long that takes does not matter here. */
async function isBack({ store, tier: { remote } }: CacheNode): Promise<boolean> {
  const keys = Array.from({ length: 32 }, () => `other ${turn++}`);
  await store.get(keys[0]!);
  try {
    await Promise.all(keys.map(async (key) => remote.write(key, makeReply({ body: key }))));
    const found = await Promise.all(keys.map(async (key) => remote.read(key)));
    return found.every((replies, at) => contents(replies)[0] === keys[at]);
  } catch {
    return false;
  }
}
