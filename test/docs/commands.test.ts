import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { promisify } from "node:util";
import { z } from "zod";
import { makeApiKey } from "../../src/auth/api-key.ts";
import { loadShop } from "../../src/demo/shop.ts";
import { get, postgres } from "../../src/index.ts";
import { SECRET } from "../auth/tokens.ts";
import { requireCommand } from "../support/commands.ts";
import { privateCluster, REPLICATED, runSql, standbyOf, testDatabase, type TestScope } from "../support/postgres.ts";
import { serve, type ServedApi, serveSources } from "../support/server.ts";

const run = promisify(execFile);
const root = new URL("../../", import.meta.url);
/** The tutorial has a test of its own. */
const guide = readdirSync(new URL("docs/guide/", root))
  .filter((name) => name !== "tutorial.md")
  .map((name) => `docs/guide/${name}`);

/** Its commands need roles. */
const AUTH = "docs/guide/auth.md";

/** The route that the guide calls by its method. */
const USER_ORDERS = get("/users/:id/orders", {
  params: z.object({ id: z.string() }),
  query: z.object({ limit: z.coerce.number().int() }),
  reply: z.object({ user: z.string(), limit: z.number() }),
  handle: ({ params, query }) => ({ user: params.id, ...query }),
});

/** Every `sh` block that calls curl; what it calls is the demo's address. */
function curlBlocks(file: string): readonly string[] {
  const text = readFileSync(new URL(file, root), "utf8");
  return [...text.matchAll(/^```sh\n(.*?)^```/gms)]
    .map(([, block]) => block ?? "")
    .filter((block) => block.includes("curl"));
}

await test("every curl command of the README and the guide answers as written", async (t) => {
  const curl = requireCommand(t, "curl");
  if (curl === undefined) return;
  const database = await testDatabase(t);
  await loadShop(database, { scale: 0.05 });
  const api = await serveSources(
    t,
    { "/": postgres(database) },
    { overload: { enabled: true }, routes: [USER_ORDERS] },
  );
  const replicated = await serveReplicated(t);
  const secured = await serveSecured(t);
  for (const file of ["README.md", ...guide]) {
    const { url, adminUrl } = file.endsWith("/replicas.md") ? replicated : file === AUTH ? secured.api : api;
    const env = { ...process.env, HOTPATH_JWT_SECRET: SECRET, KEY: secured.key };
    for (const block of curlBlocks(file)) {
      const script = block
        .replaceAll("http://localhost:3000", url)
        .replaceAll("http://127.0.0.1:3001", adminUrl)
        .replaceAll(/\bcurl /g, "curl -sS --fail --max-time 10 ");
      const { stdout, stderr } = await run("bash", ["-e", "-o", "pipefail", "-c", script], { env, maxBuffer: 1 << 26 });
      assert.equal(stderr, "", `${file}: ${block}`);
      assert.notEqual(stdout, "", `${file}: ${block}`);
    }
  }
});

/** The shop with a replica, for the part of the guide that is about them. */
async function serveReplicated(t: TestScope): Promise<ServedApi> {
  const primary = await privateCluster(t, REPLICATED);
  await loadShop(primary.url, { scale: 0.001 });
  const replica = await standbyOf(t, primary);
  return serve(t, primary.url, { postgres: { replicas: [replica.url] } });
}

/** The shop with the roles and policies that the guide makes. */
async function serveSecured(t: TestScope): Promise<{ readonly api: ServedApi; readonly key: string }> {
  const { url } = await privateCluster(t);
  await loadShop(url, { scale: 0.05 });
  const text = readFileSync(new URL(AUTH, root), "utf8");
  for (const [, sql = ""] of text.matchAll(/^```sql\n(.*?)^```/gms)) await runSql(url, sql);
  const authenticator = Object.assign(new URL(url), { username: "authenticator", password: "secret" });
  const { key, hash } = makeApiKey();
  const api = await serve(t, authenticator.href, {
    postgres: { anonRole: "web_anon" },
    server: { auth: { jwt: { secret: SECRET }, apiKeys: { keys: [`reports:member:${hash}`] } } },
  });
  return { api, key };
}
