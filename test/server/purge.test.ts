import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";
import type { Source } from "../../src/api/source.ts";
import { serveSources } from "../support/server.ts";

const run = promisify(execFile);

/** Answers a number that rises with each time it is asked, fresh for an hour and tagged by its path. */
function counting(): Source {
  let asked = 0;
  return {
    name: "counting",
    resolve({ subpath }) {
      const headers = { "cache-control": "max-age=3600", "surrogate-key": `all-things ${subpath.slice(1)}` };
      return { status: 200, headers, body: String(++asked) };
    },
  };
}

await test("replies go by tag, by URL or all at once, over HTTP and by the command", async (t) => {
  const api = await serveSources(t, { "/": counting() });
  const { url, adminUrl } = api;
  const text = async (path: string) => (await api.get(path)).text;
  const purge = async (query: string, headers: Record<string, string> = {}) => {
    const response = await fetch(`${adminUrl}/purge?${query}`, { method: "POST", headers });
    return { status: response.status, body: (await response.json()) as { purged?: number; code?: string } };
  };
  assert.deepEqual([await text("/a"), await text("/b"), await text("/a")], ["1", "2", "1"]);
  assert.deepEqual(await purge("tag=a"), { status: 200, body: { purged: 1 } });
  assert.deepEqual([await text("/a"), await text("/b")], ["3", "2"]);
  assert.equal((await purge(`url=${encodeURIComponent(`${url}/b`)}`)).body.purged, 1);
  assert.deepEqual([await text("/a"), await text("/b")], ["3", "4"]);

  const command = (...words: string[]) =>
    run(process.execPath, ["src/cli/main.ts", "purge", "--admin-url", adminUrl, ...words]);
  assert.equal((await command("--tag", "all-things")).stdout, "2 purged\n");
  assert.deepEqual([await text("/a"), await text("/b")], ["5", "6"]);
  assert.equal((await command("--all")).stdout, "2 purged\n");
  assert.equal(await text("/a"), "7");

  for (const query of ["", "tag=a&all", "url=/relative"]) {
    assert.equal((await purge(query)).body.code, "HP_BAD_REQUEST", query);
  }
  assert.equal((await purge("all", { origin: "https://evil.example" })).status, 400);
  await assert.rejects(command(), /Give --tag, --url or --all/);
});

await test("PURGE removes a URL's replies for those who may, and is the source's business where nobody may", async (t) => {
  for (const [purgeFrom, status, next] of [
    [["127.0.0.0/8", "::1"], 200, "2"],
    [["192.0.2.1"], 405, "1"],
    [[], 200, "1"],
  ] as const) {
    const source = counting();
    const api = await serveSources(
      t,
      {
        "/": {
          ...source,
          // What is no purge goes to the source, which has no such method.
          resolve: (request) =>
            request.method === "PURGE" ? { status: 501, headers: {}, body: "" } : source.resolve(request),
        },
      },
      { cache: { purgeFrom } },
    );
    assert.equal((await api.get("/a?b=1")).text, "1");
    const answer = await api.send("PURGE", "/a?b=1");
    assert.equal(answer.status, purgeFrom.length === 0 ? 501 : status);
    if (status === 200 && purgeFrom.length > 0) assert.deepEqual(JSON.parse(answer.text), { purged: 1 });
    if (status === 200)
      assert.notEqual((await api.send("PURGE", "/a?b=1", { origin: "https://evil.example" })).status, 200);
    assert.equal((await api.get("/a?b=1")).text, next);
  }
  await assert.rejects(
    serveSources(t, { "/": counting() }, { cache: { purgeFrom: ["10.0.0.0/99"] } }),
    /cache\.purgeFrom/,
  );
});
