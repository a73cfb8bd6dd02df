import assert from "node:assert/strict";
import { test } from "node:test";
import { followPrimary } from "../../../src/demo/standby.ts";
import { queryRows, runSql } from "../../support/postgres.ts";
import { startFaultProxy } from "../../support/fault-proxy.ts";
import { failureOf } from "../pool/fixture.ts";
import { caughtUp, pauseReplay, resumeReplay, startNode, startReplicated, until } from "./fixture.ts";

test("a promoted replica is found, and the old primary comes back as a standby that is never written to", async (t) => {
  const cluster = await startReplicated(t, 2);
  const { primary } = cluster;
  const [heir, other] = cluster.replicas as [typeof primary, typeof primary];
  const node = await startNode(t, cluster);
  const before = await node.write(1);
  await Promise.all([caughtUp(primary, heir), caughtUp(primary, other)]);

  await primary.kill("SIGQUIT");
  assert.equal((await node.read()).n, 1, "reads go on while the primary is down");
  const refusal = await failureOf(node.write(2));
  assert.equal(refusal["status"], 503);
  await runSql(heir.url, "select pg_promote()");
  await until(async () => {
    const answer = await node.write(3).catch(() => "");
    return answer !== "";
  }, "writes go to the new primary");
  const [row] = await queryRows(heir.url, "select n from counter");
  assert.equal(row?.["n"], 3);

  // What the old timeline said cannot be compared with what replicas have.
  assert.deepEqual(await node.read({ "consistency-token": before }), { n: 3, port: heir.port });
  const after = await node.write(4);
  assert.equal((await node.read({ "consistency-token": after })).n, 4);

  await followPrimary(primary.directory, heir.url);
  await primary.start();
  await runSql(other.url, `alter system set primary_conninfo = '${conninfo(heir.url)}'; `);
  await runSql(other.url, "select pg_reload_conf()");
  await Promise.all([caughtUp(heir, primary), caughtUp(heir, other)]);
  const ports = new Set<number>();
  await until(async () => {
    ports.add((await node.read()).port);
    return ports.has(primary.port) && ports.has(other.port);
  }, "reads go to the old primary, too, and to the replica that follows the new one");
  for (let n = 5; n < 25; n++) {
    const token = await node.write(n);
    assert.equal((await node.read({ "consistency-token": token })).n, n);
  }
  assert.match(node.metrics.render(), /^hotpath_primary_moves 1$/m);
});

test("a write that meets a standby where the primary was is carried out once, on the new primary", async (t) => {
  const cluster = await startReplicated(t, 1);
  const { primary } = cluster;
  const [heir] = cluster.replicas as [typeof primary];
  // So seldom that only the refusal can tell.
  const node = await startNode(t, cluster, { consistency: { checkInterval: "20s", maxLag: "1m" } });
  await node.write(1);
  await caughtUp(primary, heir);
  await primary.stop();
  await runSql(heir.url, "select pg_promote()");
  await followPrimary(primary.directory, heir.url);
  await primary.start();
  const refused = await queryRows(primary.url, "select pg_is_in_recovery() as standby");
  assert.deepEqual(refused, [{ standby: true }]);
  await node.write(2);
  assert.deepEqual(await queryRows(heir.url, "select n from counter"), [{ n: 2 }]);
});

test("a second primary of an older timeline gets nothing", async (t) => {
  const cluster = await startReplicated(t, 1);
  const { primary } = cluster;
  const [heir] = cluster.replicas as [typeof primary];
  const node = await startNode(t, cluster);
  await node.write(1);
  await caughtUp(primary, heir);
  await runSql(heir.url, "select pg_promote()");
  await until(() => node.metrics.render().includes("hotpath_primary_moves 1"), "the promotion is noticed");
  await node.write(2);
  assert.deepEqual(await node.read(), { n: 2, port: heir.port });
  assert.deepEqual(await queryRows(primary.url, "select n from counter"), [{ n: 1 }]);
  assert.match(
    node.metrics.render(),
    new RegExp(`hotpath_server_role\\{server="127.0.0.1:${primary.port}",role="stale"\\} 1`),
  );
});

test("a replica that is killed costs no read, and gets reads again when it is back", async (t) => {
  const cluster = await startReplicated(t, 2);
  const [killed] = cluster.replicas as [typeof cluster.primary];
  const node = await startNode(t, cluster);
  await until(async () => (await node.read()).port === killed.port, "reads go to the first replica");
  const readers = Array.from({ length: 8 }, async () => {
    for (let round = 0; round < 100; round++) await node.read();
  });
  await killed.kill("SIGKILL");
  await Promise.all(readers);
  await killed.start();
  await until(async () => (await node.read()).port === killed.port, "reads go to the replica again");
});

test("a read on a replica that falls silent is answered elsewhere", async (t) => {
  const { primary, replicas } = await startReplicated(t, 1);
  const [replica] = replicas as [typeof primary];
  const relay = await startFaultProxy(t, replica.port);
  const url = new URL(replica.url);
  url.port = String(relay.port);
  const node = await startNode(t, { primary, replicas: [{ ...replica, url: url.href }] });
  await until(async () => (await node.read()).port === replica.port, "reads go to the replica");
  relay.delayMs = 3_600_000;
  assert.equal((await node.read()).port, primary.port);
  relay.cut();
  relay.delayMs = 0;
  relay.heal();
  await until(async () => (await node.read()).port === replica.port, "reads go to the replica again");
});

test("a replica beyond the lag limit gets no reads until it has caught up", async (t) => {
  const cluster = await startReplicated(t, 1);
  const [replica] = cluster.replicas as [typeof cluster.primary];
  const node = await startNode(t, cluster, { consistency: { maxLag: "400ms" } });
  await until(async () => (await node.read()).port === replica.port, "reads go to the replica");
  await pauseReplay(replica);
  await node.write(1);
  await until(async () => (await node.read()).port === cluster.primary.port, "reads go to the primary");
  assert.equal((await node.read()).n, 1);
  assert.match(node.metrics.render(), /hotpath_reads_routed_total\{target="primary",reason="lagging"\} [1-9]/);
  await resumeReplay(replica);
  await until(async () => (await node.read()).port === replica.port, "reads go to the replica again");
});

test("a replica that has everything is fresh also after a switch of segments, whose header belongs to no record", async (t) => {
  const cluster = await startReplicated(t, 1);
  const [replica] = cluster.replicas as [typeof cluster.primary];
  const node = await startNode(t, cluster);
  const token = await node.write(1);
  await runSql(cluster.primary.url, "select pg_switch_wal()");
  const [row] = await queryRows(cluster.primary.url, "select pg_current_wal_insert_lsn()::text as lsn");
  assert.match(String(row?.["lsn"]), /\/[0-9A-F]+000028$/);
  const after = await startNode(t, cluster);
  await until(async () => (await after.read()).port === replica.port, "reads go to the replica");
  assert.deepEqual(await node.read({ "consistency-token": token }), { n: 1, port: replica.port });
});

test("structure that a replica has not replayed is read where it is there", async (t) => {
  const cluster = await startReplicated(t, 1);
  const [replica] = cluster.replicas as [typeof cluster.primary];
  const node = await startNode(t, cluster, { consistency: { maxLag: "1m" } });
  await until(async () => (await node.read()).port === replica.port, "reads go to the replica");
  await pauseReplay(replica);
  await runSql(cluster.primary.url, "alter table counter add more int default 7");
  await node.router.catalog(
    async () => undefined,
    () => true,
  );
  assert.equal((await node.read()).port, replica.port, "it was read for nothing");
  await node.router.catalog(
    async () => undefined,
    () => false,
  );
  assert.equal((await node.read()).port, cluster.primary.port);
  await resumeReplay(replica);
  await until(async () => (await node.read()).port === replica.port, "reads go to the replica again");
});

test("a server of another cluster is not used", async (t) => {
  const [cluster, stranger] = await Promise.all([startReplicated(t, 0), startReplicated(t, 0)]);
  const node = await startNode(t, { primary: cluster.primary, replicas: [stranger.primary] });
  await node.write(1);
  assert.deepEqual(await node.read(), { n: 1, port: cluster.primary.port });
  const isSaid = (): boolean =>
    node.lines.some(({ level, message }) => level === "error" && message.includes("another cluster"));
  await until(isSaid, "the log says so");
  const foreign = await startNode(t, { primary: stranger.primary, replicas: [stranger.primary] });
  const token = await foreign.write(9);
  assert.deepEqual(await node.read({ "consistency-token": token }), { n: 1, port: cluster.primary.port });
});

function conninfo(url: string): string {
  const { hostname, port, username, password } = new URL(url);
  return `host=${hostname} port=${port} user=${username} password=${password}`;
}
