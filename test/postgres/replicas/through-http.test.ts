import assert from "node:assert/strict";
import { test } from "node:test";
import { serve, type ServedApi } from "../../support/server.ts";
import { queryRows, runSql } from "../../support/postgres.ts";
import { pauseReplay, resumeReplay, startReplicated, until } from "./fixture.ts";

test("over HTTP a write answers a token, and no read that carries it is older, on any node, whatever replicas do", async (t) => {
  const cluster = await startReplicated(t, 2);
  const { primary } = cluster;
  const replicas = cluster.replicas as [typeof primary, typeof primary];
  const options = {
    replicas: replicas.map(({ url }) => url),
    pool: { max: 4 },
    consistency: { checkInterval: "50ms", maxLag: "1m" },
  };
  const nodes = [
    await serve(t, primary.url, { postgres: options }),
    await serve(t, primary.url, { postgres: options }),
  ];
  await runSql(primary.url, "insert into counter select i, 0 from generate_series(2, 4) i");

  const over = new AbortController();
  const disturb = async (): Promise<void> => {
    for (let round = 0; !over.signal.aborted; round++) {
      const replica = replicas[round % 2] as typeof primary;
      await pauseReplay(replica);
      await new Promise((resolve) => setTimeout(resolve, 60));
      await resumeReplay(replica);
    }
  };
  const client = async (id: number): Promise<void> => {
    for (let n = 1; n <= 30; n++) {
      const token = await write(nodes[(id + n) % 2] as ServedApi, id, n);
      for (const node of nodes) assert.ok(((await value(node, id, token)) ?? -1) >= n, `client ${id}, write ${n}`);
    }
  };
  const disturbance = disturb();
  await Promise.all([1, 2, 3, 4].map(client)).finally(() => over.abort());
  await disturbance;
  const routed = await Promise.all(nodes.map(async (node) => node.metrics()));
  assert.match(routed.join("\n"), /hotpath_reads_routed_total\{target="replica",reason="(?:token|waited)"\} [1-9]/);
});

test("what makes a read go to the primary: a preference, a token of elsewhere, the sticky window", async (t) => {
  const cluster = await startReplicated(t, 1);
  const { primary } = cluster;
  const [replica] = cluster.replicas as [typeof primary];
  const consistency = { checkInterval: "50ms", maxLag: "1m", sticky: "1m" };
  const api = await serve(t, primary.url, { postgres: { replicas: [replica.url], consistency } });
  await until(async () => {
    await value(api, 1);
    return (await api.metrics()).includes('target="replica",reason="fresh"');
  }, "reads go to the replica");
  await pauseReplay(replica);
  await runSql(primary.url, "update counter set n = 1");
  assert.equal(await value(api, 1), 0);
  const asked = await api.get("/counter?id=eq.1&select=n", { prefer: "consistency=primary" });
  assert.deepEqual([asked.text, asked.headers["preference-applied"]], ['[{"n":1}]', "consistency=primary"]);
  const followed = await api.get("/counter?id=eq.1&select=n", { prefer: "consistency=monotonic" });
  assert.deepEqual([followed.text, followed.headers["preference-applied"]], ['[{"n":0}]', "consistency=monotonic"]);
  assert.equal(await value(api, 1, String(followed.headers["consistency-token"])), 0, "what the replica has");
  assert.equal(await value(api, 1, "AQAAAAAAAAAAAAEAAAAAAAAACgAAAAA"), undefined, "a token that was mistyped");

  const authorization = { authorization: "Basic d3JpdGVyOng=" };
  await api.send("PATCH", "/counter?id=eq.1", { ...authorization, "content-type": "application/json" }, '{"n":2}');
  assert.equal(await value(api, 1), 0, "another client");
  const own = await api.get("/counter?id=eq.1&select=n", authorization);
  assert.equal(own.text, '[{"n":2}]');

  const reply = await api.send("PATCH", "/counter?id=eq.77", { "content-type": "application/json" }, '{"n":3}');
  assert.ok(reply.headers["consistency-token"], "a write that met no row");
  const keyed = { "content-type": "application/json", "idempotency-key": '"once"' };
  const again = [await api.send("PATCH", "/counter?id=eq.1", keyed, '{"n":4}')];
  again.push(await api.send("PATCH", "/counter?id=eq.1", keyed, '{"n":4}'));
  assert.deepEqual([again[1]?.status, again[1]?.headers["idempotent-replayed"]], [204, "true"]);
  for (const { headers } of again) assert.equal(await value(api, 1, String(headers["consistency-token"])), 4);
  const refused = await api.send("PATCH", "/counter?id=eq.1", { "content-type": "application/json" }, '{"n":"x"}');
  assert.deepEqual([refused.status, refused.headers["consistency-token"]], [400, undefined]);
  assert.deepEqual(await queryRows(primary.url, "select n from counter"), [{ n: 4 }]);
});

test("a node that starts while the primary is down serves reads, refuses writes, and writes once it is back", async (t) => {
  const cluster = await startReplicated(t, 1);
  const { primary } = cluster;
  const [replica] = cluster.replicas as [typeof primary];
  await primary.stop();
  const consistency = { checkInterval: "50ms" };
  const api = await serve(t, primary.url, { postgres: { replicas: [replica.url], consistency } });
  assert.equal(await value(api, 1), 0);
  const json = { "content-type": "application/json" };
  const refused = await api.send("PATCH", "/counter?id=eq.1", json, '{"n":1}');
  assert.equal(refused.status, 503);
  assert.equal(refused.headers["retry-after"], "1");
  assert.equal((await api.get("/counter", { prefer: "consistency=primary" })).status, 503);
  await primary.start();
  await until(
    async () => (await api.send("PATCH", "/counter?id=eq.1", json, '{"n":1}')).status === 204,
    "it is written",
  );
});

async function write(api: ServedApi, id: number, n: number): Promise<string> {
  const headers = { "content-type": "application/json" };
  const answer = await api.send("PATCH", `/counter?id=eq.${id}`, headers, JSON.stringify({ n }));
  assert.equal(answer.status, 204, answer.text);
  return String(answer.headers["consistency-token"]);
}

/** The counter as a reply has it; undefined for a refusal. */
async function value(api: ServedApi, id: number, token?: string): Promise<number | undefined> {
  const answer = await api.get(
    `/counter?id=eq.${id}&select=n`,
    token === undefined ? {} : { "consistency-token": token },
  );
  if (answer.status === 400) return undefined;
  assert.equal(answer.status, 200, answer.text);
  return (JSON.parse(answer.text) as { n: number }[])[0]?.n;
}
