import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { connect as connectHttp2 } from "node:http2";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { gunzipSync } from "node:zlib";
import { freePort } from "../../src/demo/cluster.ts";
import { devCertificate } from "../../src/server/listener/dev-certificate.ts";
import { runHotpath } from "../cli/run-hotpath.ts";
import { requireCommand } from "../support/commands.ts";
import { testFolder } from "../support/postgres.ts";
import { type Answer, sendRequest } from "../support/server.ts";
import { poll } from "../workers/harness.ts";
import { type Origin, runNginx, runVarnish, startOrigin } from "./edge.ts";

async function print(...words: string[]): Promise<string> {
  const { out, err, status } = await runHotpath(["deploy", ...words]);
  assert.equal(status, 0, err);
  return out;
}

type Get = (path: string, headers?: Record<string, string>, method?: string) => Promise<Answer>;

function client(port: number): Get {
  return (path, headers = {}, method = "GET") =>
    sendRequest(`http://127.0.0.1:${port}`, method, path, { host: "api.example", ...headers });
}

/** What both have to do, each by directives of its own. */
async function assertCaches(get: Get, origin: Origin): Promise<void> {
  const first = await get("/kept");
  assert.equal(first.status, 200);
  assert.equal((await get("/kept")).text, first.text, "kept");
  assert.equal(origin.asked("/kept"), 1);

  await get("/kept?page=2");
  assert.equal(origin.asked("/kept"), 2, "the query is part of the key");

  await get("/varied", { accept: "text/a" });
  const other = await get("/varied", { accept: "text/b" });
  assert.match(other.text, /text\/b/, "kept for each of what the API varies by");
  assert.match((await get("/varied", { accept: "text/a" })).text, /text\/a/);
  assert.equal(origin.asked("/varied"), 2);

  for (const credentials of [{ authorization: "Bearer one" }, { cookie: "session=1" }, { "x-api-key": "one" }]) {
    const before = origin.asked("/kept");
    assert.notEqual((await get("/kept", credentials)).text, first.text, "never another's");
    assert.equal(origin.asked("/kept"), before + 1);
  }
  assert.equal((await get("/kept")).text, first.text, "and theirs is not kept");

  for (const path of ["/private", "/never"]) {
    for (let times = 0; times < 2; times++) await get(path);
    assert.equal(origin.asked(path), 2, path);
  }
  for (let times = 0; times < 2; times++) await get("/posted", {}, "POST");
  assert.equal(origin.asked("/posted"), 2);

  await Promise.all(Array.from({ length: 10 }, () => get("/slow")));
  assert.equal(origin.asked("/slow"), 1, "one asks for all");
}

/** Old replies are given while new ones are fetched, and while the API fails. */
async function assertStale(get: Get, origin: Origin): Promise<void> {
  const first = await get("/brief");
  await get("/brief/lasting");
  // Some request finds it out of date and is given the old one all the same, but where it is very old; a later one gets the new one.
  await poll(async () => (await get("/brief")).text !== first.text, "the new one is there");

  await get("/same");
  await poll(async () => {
    await get("/same");
    return origin.conditional.includes("/same");
  }, "what is out of date is asked for by its ETag");

  origin.isFailing = true;
  const asked = origin.asked("/brief/lasting");
  await poll(async () => {
    const { status, text } = await get("/brief/lasting");
    assert.equal(status, 200, text.slice(0, 100));
    return origin.asked("/brief/lasting") > asked + 1;
  }, "it was asked for, failed, and the old one was given");
  assert.equal((await get("/brief/new")).status, 503, "what is not there cannot be given");
  origin.isFailing = false;
  await poll(async () => (await get("/brief/new")).status === 200, "a failure is not kept");
}

test("nginx as configured keeps, tells apart, revalidates, gives stale replies and compresses", async (t) => {
  const program = requireCommand(t, "nginx");
  if (program === undefined) return;
  const origin = await startOrigin(t);
  const port = await freePort();
  const folder = await testFolder(t);
  const flags = ["--origins", origin.host, "--port", String(port), "--cache-folder", join(folder, "kept")];
  await mkdir(folder, { recursive: true });
  await runNginx(t, program, await print("nginx", ...flags), port);
  const get = client(port);
  await assertCaches(get, origin);
  assert.equal((await get("/kept")).headers["x-cache"], "HIT");
  assert.equal((await get("/kept", { authorization: "Bearer one" })).headers["x-cache"], "BYPASS");

  const coded = await get("/kept", { "accept-encoding": "gzip" });
  assert.equal(coded.headers["content-encoding"], "gzip");
  assert.equal(gunzipSync(coded.bytes).toString(), (await get("/kept")).text);
  await assertStale(get, origin);
});

test("nginx with a certificate speaks HTTP/2", async (t) => {
  const program = requireCommand(t, "nginx");
  if (program === undefined) return;
  const origin = await startOrigin(t);
  const port = await freePort();
  const folder = await testFolder(t);
  await mkdir(folder, { recursive: true });
  const { cert, key } = await devCertificate();
  await writeFile(join(folder, "cert.pem"), cert);
  await writeFile(join(folder, "key.pem"), key);
  const files = ["--cert", join(folder, "cert.pem"), "--key", join(folder, "key.pem")];
  const flags = ["--origins", origin.host, "--port", String(port), "--cache-folder", join(folder, "kept"), ...files];
  await runNginx(t, program, await print("nginx", ...flags), port);
  assert.deepEqual(await askByHttp2(t, `https://127.0.0.1:${port}`, "/kept"), ["200", "200"]);
  assert.equal(origin.asked("/kept"), 1);
});

/** Statuses of two requests on one session. */
async function askByHttp2(t: TestContext, url: string, path: string): Promise<string[]> {
  const session = connectHttp2(url, { rejectUnauthorized: false });
  t.after(() => session.destroy());
  const statuses: string[] = [];
  for (let times = 0; times < 2; times++) {
    statuses.push(
      await new Promise<string>((resolve, reject) => {
        const stream = session.request({ ":path": path });
        stream.once("response", (headers) => resolve(String(headers[":status"])));
        stream.once("error", reject);
        stream.resume();
      }),
    );
  }
  return statuses;
}

test("Varnish as configured keeps, tells apart, revalidates, gives stale replies, and purges by URL and by tag", async (t) => {
  const program = requireCommand(t, "varnishd");
  if (program === undefined) return;
  const origin = await startOrigin(t);
  const port = await freePort();
  const flags = ["--origins", origin.host];
  await runVarnish(t, program, await print("varnish", ...flags), port);
  const get = client(port);
  await assertCaches(get, origin);
  assert.equal((await get("/kept")).headers["x-cache"], "HIT");
  assert.equal((await get("/kept")).headers["surrogate-key"], undefined);

  const one = (await get("/tagged/1")).text;
  const other = (await get("/tagged/2")).text;
  assert.equal((await get("/tagged/1", { "surrogate-key": "tagged:1" }, "PURGE")).status, 200);
  assert.notEqual((await get("/tagged/1")).text, one, "purged by its tag");
  assert.equal((await get("/tagged/2")).text, other, "and nothing else");
  assert.equal((await get("/", { "surrogate-key": "things" }, "PURGE")).status, 200);
  assert.notEqual((await get("/tagged/2")).text, other);
  const again = (await get("/tagged/1")).text;
  assert.equal((await get("/tagged/1", {}, "PURGE")).status, 200);
  assert.notEqual((await get("/tagged/1")).text, again, "purged by its URL");
  assert.equal((await get("/", { "surrogate-key": "a(b" }, "PURGE")).status, 400);
  await assertStale(get, origin);
});

test("Varnish purges for those alone who may", async (t) => {
  const program = requireCommand(t, "varnishd");
  if (program === undefined) return;
  const origin = await startOrigin(t);
  const port = await freePort();
  const flags = ["--origins", origin.host, "--purgers", "192.0.2.1"];
  await runVarnish(t, program, await print("varnish", ...flags), port);
  const get = client(port);
  const { text } = await get("/kept");
  assert.equal((await get("/kept", {}, "PURGE")).status, 403);
  assert.equal((await get("/kept")).text, text);
});
