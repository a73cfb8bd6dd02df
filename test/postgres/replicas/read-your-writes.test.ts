import assert from "node:assert/strict";
import { test } from "node:test";
import { caughtUp, pauseReplay, resumeReplay, startNode, startReplicated, until } from "./fixture.ts";

test("a read that sends its token sees the write, whatever the replica has; one without sees the replica", async (t) => {
  const cluster = await startReplicated(t, 1);
  const [replica] = cluster.replicas as [(typeof cluster.replicas)[0]];
  const node = await startNode(t, cluster, { consistency: { maxLag: "1m" } });
  const other = await startNode(t, cluster, { consistency: { maxLag: "1m" } });
  await until(async () => (await node.read()).port === replica.port, "reads go to the replica");

  await pauseReplay(replica);
  const token = await node.write(1);
  assert.deepEqual(await node.read(), { n: 0, port: replica.port });
  const header = { "consistency-token": token };
  assert.deepEqual(await node.read(header), { n: 1, port: cluster.primary.port });
  assert.deepEqual(await other.read(header), { n: 1, port: cluster.primary.port });
  assert.deepEqual(await node.read({ prefer: "consistency=primary" }), { n: 1, port: cluster.primary.port });

  await resumeReplay(replica);
  await caughtUp(cluster.primary, replica);
  assert.deepEqual(await node.read(header), { n: 1, port: replica.port });
  assert.deepEqual(await other.read(header), { n: 1, port: replica.port });
});
