import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { registerHooks } from "node:module";
import { test } from "node:test";
import type * as FetchUser from "../../examples/client/fetch-user.ts";
import type * as Service from "../../examples/client/service.ts";
import { startServer } from "./scripted-server.ts";

const ROOT = new URL("../../", import.meta.url);
const EXAMPLES = new URL("examples/client/", ROOT);

// As installed, the name leads to what was built; here, to the sources.
const hooks = registerHooks({
  resolve: (specifier, context, next) =>
    specifier === "hotpath/client"
      ? { url: new URL("src/client/index.ts", ROOT).href, format: "module-typescript", shortCircuit: true }
      : next(specifier, context),
});
const { fetchUser }: typeof FetchUser = await import(new URL("fetch-user.ts", EXAMPLES).href);
const { client, outcomes }: typeof Service = await import(new URL("service.ts", EXAMPLES).href);
hooks.deregister();

await test("the guide shows the examples as they are", () => {
  const guide = readFileSync(new URL("docs/guide/client.md", ROOT), "utf8");
  const shown = [...guide.matchAll(/^```ts\n(.*?)^```/gms)].map(([, block]) => block);
  const files = readdirSync(EXAMPLES).map((name) => readFileSync(new URL(name, EXAMPLES), "utf8"));
  assert.deepEqual(new Set(shown), new Set(files));
});

await test("a user is sent once, then confirmed, and an error is an error", async (t) => {
  const user = { id: 7, username: "ann" };
  const server = await startServer(t, { ms: Date.now() }, ({ path, headers }) => {
    if (path !== "/users/7") return { status: 404, body: "no such user" };
    if (headers["if-none-match"] === '"1"') return { status: 304 };
    return { headers: { etag: '"1"', "cache-control": "no-cache" }, body: JSON.stringify(user) };
  });
  assert.deepEqual(await fetchUser(server.url, 7), user);
  assert.deepEqual(await fetchUser(server.url, 7), user);
  assert.equal(server.seen[1]?.headers["if-none-match"], '"1"');
  await assert.rejects(fetchUser(server.url, 8), /users\/8 answered 404/);
  await client.fetch(`${server.url}/users/7`);
  assert.deepEqual([...outcomes], [["miss", 1]]);
});
