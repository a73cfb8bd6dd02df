import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, realpath, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { stripTypeScriptTypes } from "node:module";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { requireCommand } from "../support/commands.ts";
import { defer } from "../support/defer.ts";

const SOURCES = fileURLToPath(new URL("../../src/", import.meta.url));
const FLAGS =
  "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync";
const TIMEOUT_MS = 60_000;

const SAME = ["1", "1"];
const REPLIES: Readonly<Record<string, Record<string, string>>> = {
  "/shared": { "cache-control": "no-cache" },
  "/fresh": { "cache-control": "max-age=60" },
  "/cookie": { "cache-control": "max-age=60", vary: "Cookie" },
  "/cors": { "cache-control": "max-age=60", "access-control-allow-origin": "*" },
};

/** Runs in the page, where it may use nothing of this file. Answers what the test compares. */
const PAGE = `<!doctype html><script type="module">
import { createClient } from "/src/client/index.ts";
const events = [];
const client = createClient({ onEvent: ({ type }) => events.push(type) });
const read = async (url, init) => (await client.fetch(url, init)).text();
const report = {};
try {
  report.revalidated = [await read("/etag"), await read("/etag")];
  report.relative = (await client.fetch("etag#x")).url === new URL("/etag", location.href).href;
  report.together = await Promise.all([read("/shared"), read("/shared"), read("/shared")]);
  report.fresh = [await read("/fresh"), await read("/fresh")];
  report.cookie = [await read("/cookie"), await read("/cookie")];
  const other = new URL("/cors", location.href);
  other.hostname = "localhost";
  report.cors = [await read(other), await read(other)];
  report.opaque = (await client.fetch(other, { mode: "no-cors" })).type;
  const controller = new AbortController();
  const aborted = client.fetch("/never", { signal: controller.signal }).catch((error) => error.name);
  controller.abort();
  report.aborted = await aborted;
  report.events = events;
} catch (error) {
  report.error = String(error) + error?.stack;
}
await fetch("/report", { method: "POST", body: JSON.stringify(report) });
</script>`;

await test("in a browser: relative URLs, revalidation beside its own cache, other origins, unseen cookies", async (t) => {
  const chromium = requireCommand(t, "chromium");
  if (chromium === undefined) return;
  const site = await startSite(t);
  await openPage(t, chromium, site);
  const { report, conditions } = site;
  const { error, revalidated, relative, together, fresh, cookie, cors, opaque, aborted, events } = await report.promise;
  assert.equal(error, undefined);
  assert.deepEqual(revalidated, ["1", "1"]);
  assert.deepEqual(conditions, [undefined, '"x"', '"x"']);
  assert.equal(relative, true);
  assert.deepEqual(together, ["1", "1", "1"]);
  assert.deepEqual(fresh, ["1", "1"]);
  assert.deepEqual([cookie, cors], [SAME, SAME], "the browser's own cache answers these");
  assert.equal(opaque, "opaque");
  assert.equal(aborted, "AbortError");
  const expected = [
    ["miss", "revalidated", "revalidated"],
    ["miss", "coalesced", "coalesced"],
    ["miss", "hit"],
    // Which cookies the browser sends the client cannot see, nor how old a response is whose Date another origin does not expose.
    ["miss", "miss", "miss", "miss"],
    ["bypass", "aborted"],
  ];
  assert.deepEqual(events, expected.flat());
});

/** A site with the page, the client's sources and what the page asks for. */
interface Site {
  readonly url: string;
  readonly report: PromiseWithResolvers<Record<string, unknown>>;
  /** `If-None-Match` of the requests for `/etag`. */
  readonly conditions: (string | undefined)[];
}

async function startSite(t: TestContext): Promise<Site> {
  const report = Promise.withResolvers<Record<string, unknown>>();
  const conditions: (string | undefined)[] = [];
  const counts: Record<string, number> = {};
  const server = createServer((request, response) => {
    const { url: path = "", headers } = request;
    counts[path] = (counts[path] ?? 0) + 1;
    if (path.startsWith("/src/")) void sendModule(path, response);
    else if (path === "/report") readJson(request).then(report.resolve, report.reject);
    else if (path === "/") response.setHeader("content-type", "text/html").end(PAGE);
    else if (path === "/etag") {
      conditions.push(headers["if-none-match"]);
      response.writeHead(headers["if-none-match"] === '"x"' ? 304 : 200, { "cache-control": "no-cache", etag: '"x"' });
      response.end("1");
    } else if (REPLIES[path] !== undefined) response.writeHead(200, REPLIES[path]).end(String(counts[path]));
    else if (path !== "/never") response.writeHead(404).end();
  });
  server.listen(0);
  await once(server, "listening");
  defer(t, async () => {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, report, conditions };
}

async function openPage(t: TestContext, chromium: string, { url, report }: Site): Promise<void> {
  const profile = await mkdtemp(join(await realpath(tmpdir()), "hotpath-chromium-"));
  defer(t, async () => rm(profile, { recursive: true, force: true, maxRetries: 5 }));
  const browser = spawn(chromium, [...FLAGS.split(" "), `--user-data-dir=${profile}`, url], { stdio: "ignore" });
  defer(t, async () => {
    if (browser.exitCode === null && browser.kill("SIGKILL")) await once(browser, "exit");
  });
  browser.once("error", report.reject);
  browser.once("exit", () => report.reject(new Error("The browser ended.")));
  const timer = setTimeout(() => report.reject(new Error(`No report within ${TIMEOUT_MS} ms.`)), TIMEOUT_MS);
  defer(t, () => clearTimeout(timer));
}

/** Sources as a browser takes them: with their types removed. */
async function sendModule(path: string, response: ServerResponse): Promise<void> {
  const source = await readFile(join(SOURCES, path.slice("/src/".length)), "utf8");
  response.setHeader("content-type", "text/javascript").end(stripTypeScriptTypes(source));
}

async function readJson(request: IncomingMessage): Promise<Record<string, unknown>> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return JSON.parse(Buffer.concat(parts).toString()) as Record<string, unknown>;
}
