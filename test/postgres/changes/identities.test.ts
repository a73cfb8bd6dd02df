// Many identities ask for the same URLs at once, of two nodes that cache, batch, and share Redis. Whatever they are answered must be what a
// server without any cache answers them.
import assert from "node:assert/strict";
import { Agent } from "node:http";
import { test } from "node:test";
import { SECRET, signText } from "../../auth/tokens.ts";
import { startRedis } from "../../support/redis.ts";
import { seededRandom } from "../../support/seeded-random.ts";
import { type Answer, sendRequest, type ServedApi, serve } from "../../support/server.ts";
import { tenantDatabase } from "../tenants.ts";
import { cacheOutcome, poll } from "./following.ts";

const SQL = `
  create table plain (id int primary key, body text, secret text);
  insert into plain select n, 'body ' || n, 'secret ' || n from generate_series(1, 40) n;
  grant select (id, body) on plain to MEMBER; grant select on plain to AUDITOR;
  create table owned (id int primary key, owner text);
  insert into owned select n, (array['red', 'green', 'blue'])[n % 3 + 1] from generate_series(1, 60) n;
  create publication theirs for table plain, owned;
  create view mine as select id, owner, current_setting('request.jwt.claims', true)::json ->> 'tenant' as asked_by
    from owned where owner = current_setting('request.jwt.claims', true)::json ->> 'tenant';
  grant select on mine to MEMBER, AUDITOR, ANON;
  create function whoami(n int) returns json language sql stable as $$
    select json_build_object('n', n, 'role', current_user, 'claims', current_setting('request.jwt.claims', true)) $$;
  create function mine_from(lowest int) returns setof owned language sql stable security definer as $$
    select * from owned where id >= lowest and owner = current_setting('request.jwt.claims', true)::json ->> 'tenant' order by id limit 3 $$;`;

/** Cached although they depend on who asks: for a time, or by what the settings say of them. */
const RULES = ["notes=1h", "who=1h", "mine=owned", "whoami=owned", "mine_from=owned", "tags=1h"];

const REQUESTS = 1600;
const WORKERS = 6;

test("no identity is ever answered with another's reply: cache, memo, Redis, batches, validators", async (t) => {
  const redis = await startRedis(t);
  if (redis === undefined) return;
  const database = await tenantDatabase(t, SQL);
  const auth = { jwt: { secret: SECRET } };
  const nodes: ServedApi[] = [];
  for (const max of [1, 3]) {
    nodes.push(
      await serve(t, database.url, {
        // Little memory, so that much comes from Redis; few connections, so that reads share statements.
        postgres: {
          anonRole: database.anon,
          pool: { max },
          changes: { url: database.superUrl, publication: "theirs" },
          queryCache: { tables: RULES },
        },
        server: { auth, cache: { redis: redis.url, memory: max === 1 ? "256KB" : "64MB" } },
      }),
    );
  }
  const oracle = await serve(t, database.url, {
    postgres: { anonRole: database.anon, pool: { maxBatch: 1 }, queryCache: { enabled: false } },
    server: { auth, cache: { enabled: false } },
  });

  const identities = identitiesOf(database);
  const paths = pathsOf();
  const expected = new Map<string, Answer>();
  for (const [name, headers] of identities) {
    for (const path of paths) expected.set(`${name} ${path}`, await ask(oracle, path, headers));
  }
  const bodies = new Set([...expected.values()].map(({ text }) => text));
  assert.ok(bodies.size > paths.length * 3, "the identities see different things");
  const etags = [...expected.values()].flatMap(({ headers }) => headers["etag"] ?? []);

  for (const node of nodes) {
    const headers = identities.get("member red") ?? {};
    await poll(
      async () => cacheOutcome(await ask(node, "/plain?id=eq.1&select=id,body", headers)) === "hit",
      "nothing is cached",
    );
  }

  const outcomes = new Map<string, number>();
  const names = [...identities.keys()];
  // Connections are shared: who asked before on one is nobody's business.
  const agent = new Agent({ keepAlive: true, maxSockets: WORKERS });
  t.after(() => agent.destroy());
  const worker = async (index: number): Promise<void> => {
    const random = seededRandom(11 + index);
    const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
    for (let count = 0; count < REQUESTS / WORKERS; count++) {
      // The same URL again and again for many, so that replies are shared where they may be.
      const path = pick(random() < 0.7 ? paths.slice(0, 6) : paths);
      const name = pick(names);
      const node = pick(nodes);
      const extra = pick<Readonly<Record<string, string>>>([
        {},
        {},
        {},
        { "if-none-match": pick(etags) },
        { "if-none-match": "*" },
        { "cache-control": "only-if-cached" },
        { "cache-control": "max-stale=3600" },
        { "cache-control": "no-cache" },
        { "x-forwarded-user": "auditor", "x-role": database.auditor },
      ]);
      const answer = await ask(node, path, { ...identities.get(name), ...extra }, agent);
      const right = expected.get(`${name} ${path}`)!;
      const outcome = cacheOutcome(answer);
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      const said = `${name} ${path} ${JSON.stringify(extra)}: ${String(answer.headers["cache-status"])}`;
      if (answer.status === 504 && extra["cache-control"] === "only-if-cached") continue;
      if (answer.status === 304) {
        const sent = extra["if-none-match"];
        assert.ok(right.status === 200 && (sent === "*" || sent === right.headers["etag"]), said);
        continue;
      }
      assert.equal(answer.status, right.status, said);
      assert.equal(answer.text, right.text, said);
      if (right.status === 200) assert.equal(answer.headers["etag"], right.headers["etag"], said);
    }
  };
  await Promise.all(Array.from({ length: WORKERS }, (_, index) => worker(index)));
  assert.ok((outcomes.get("hit") ?? 0) > REQUESTS / 10, JSON.stringify([...outcomes]));

  const metrics = (await Promise.all(nodes.map((node) => node.metrics()))).join("\n");
  const sum = (pattern: RegExp): number => [...metrics.matchAll(pattern)].reduce((all, [, n]) => all + Number(n), 0);
  assert.ok(sum(/^hotpath_cache_tier_calls\{tier="redis",outcome="hit"\} (\d+)$/gm) > 0, "nothing came from Redis");
});

/** Those who ask; each as the fields it sends. */
function identitiesOf({
  as,
  member,
  auditor,
}: Awaited<ReturnType<typeof tenantDatabase>>): ReadonlyMap<string, Readonly<Record<string, string>>> {
  const red = as({ role: member, tenant: "red", sub: "1" });
  const [head = "", claims = "", signature = ""] = red.authorization.split(".");
  const forged = `${head}.${claims}.${signature.startsWith("A") ? "B" : "A"}${signature.slice(1)}`;
  const others = as({ role: member, tenant: "green", sub: "1" }).authorization.split(".");
  return new Map<string, Readonly<Record<string, string>>>([
    ["nobody", {}],
    ["member red", red],
    ["member red in other words", bearer(`{ "sub":"1","tenant":"red","role":"${member}" }`)],
    ["member red with more", as({ role: member, tenant: "red", sub: "1", tenants: ["green"] })],
    ["member green", as({ role: member, tenant: "green", sub: "1" })],
    ["member blue", as({ role: member, tenant: "blue", sub: "1" })],
    ["member of none", as({ role: member, sub: "1" })],
    ["member of a list", as({ role: member, tenant: ["red"], sub: "1" })],
    ["twice red and green", bearer(`{"role":"${member}","tenant":"red","tenant":"green","sub":"1"}`)],
    ["auditor", as({ role: auditor, tenant: "red", sub: "1" })],
    ["role that is none", as({ role: "nobody_at_all", tenant: "red" })],
    ["forged red", { authorization: forged }],
    ["red signed as green", { authorization: `${others[0]}.${claims}.${others[2]}` }],
    [
      "unsigned red",
      { authorization: `${head.split(" ")[0]} ${Buffer.from('{"alg":"none"}').toString("base64url")}.${claims}.` },
    ],
    ["red in small letters", { authorization: red.authorization.replace("Bearer", "bearer") }],
    ["red without a scheme", { authorization: red.authorization.replace("Bearer ", "") }],
    ["red in another field", { "x-authorization": red.authorization }],
  ]);
}

function bearer(claims: string): { readonly authorization: string } {
  return { authorization: `Bearer ${signText(SECRET, claims)}` };
}

function pathsOf(): readonly string[] {
  return [
    "/notes?select=id,tenant,body&order=id&limit=5",
    "/who?select=role,tenant",
    "/rpc/whoami?n=1",
    "/mine?order=id&limit=3",
    "/plain?id=eq.1",
    "/plain?id=eq.1&select=id,body",
    "/rpc/mine_from?lowest=10",
    "/notes?id=eq.7&select=id,tenant",
    "/notes?id=eq.8&select=id,tenant",
    "/notes?id=eq.9&select=id,tenant",
    "/notes/7?select=id,tenant",
    "/notes?select=id,tags(tag,tenant)&order=id&limit=4",
    "/notes?select=count",
    "/tags?select=tag,tenant&order=note&limit=4",
    "/plain?id=in.(1,2,3)&select=id,body&order=id",
    "/plain?select=secret&order=id&limit=2",
    "/plain/2?select=id,body",
    "/mine?id=eq.6",
    "/rpc/whoami?n=2",
    "/missing?id=eq.1",
  ];
}

async function ask(
  { url }: ServedApi,
  path: string,
  headers: Readonly<Record<string, string>>,
  agent?: Agent,
): Promise<Answer> {
  // One name for all nodes: it is part of what is asked for.
  return sendRequest(url, "GET", path, { host: "api.example", ...headers }, undefined, agent);
}
