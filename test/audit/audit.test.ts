import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import type { RequestListener } from "node:http";
import { join } from "node:path";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import express from "express";
import { type Audit, auditApi } from "../../src/audit/audit.ts";
import { targetsOf } from "../../src/audit/targets.ts";
import { loadShop } from "../../src/demo/shop.ts";
import { startNginxServer } from "../support/nginx.ts";
import { testDatabase, testFolder } from "../support/postgres.ts";
import { type Answer, sendRequest, serve } from "../support/server.ts";
import { inTurn, listen, postgrestLike, POSTGREST_DOCUMENT, rowByRow, ROWS, stampeding, wrongReplies } from "./apis.ts";

/** What a busy machine may bring about by itself. */
const OF_TIME: ReadonlySet<string> = new Set(["tail-latency", "cold-start", "one-at-a-time", "n-plus-one"]);
/** Said of whoever says nothing of these three, as nearly everybody does. */
const UNSAID = ["rate-limit-unsaid", "server-timing-missing", "trace-context-unsaid"];
const SETTINGS = { maxRequests: 2000, headers: {}, isInsecure: true };

async function audit(url: string, ...paths: string[]): Promise<Audit> {
  return auditApi(
    new URL(url),
    paths.map((path) => ({ path, parameters: [] })),
    SETTINGS,
  );
}

function foundAt(audit: Audit, target: string): readonly string[] {
  const findings = audit.results.flatMap(({ findings }) => findings).filter((finding) => finding.target === target);
  return [...new Set(findings.map(({ check }) => check))].filter((check) => !OF_TIME.has(check)).sort();
}

function rows(text: string): readonly Record<string, unknown>[] {
  return JSON.parse(text) as readonly Record<string, unknown>[];
}

/** Of each finding: the same seen in exchanges of another client. */
async function confirm(url: string, audit: Audit): Promise<void> {
  for (const { check, target } of audit.results.flatMap(({ findings }) => findings)) {
    const get = (headers: Record<string, string> = {}): Promise<Answer> => sendRequest(url, "GET", target, headers);
    const plain = await get();
    switch (check) {
      case "compression-missing": {
        const coded = await get({ "accept-encoding": "gzip, br" });
        assert.equal(coded.headers["content-encoding"], undefined);
        assert.ok(coded.bytes.length >= 1400);
        break;
      }
      case "unbounded-list":
        assert.equal(rows(plain.text).length, 300);
        assert.equal(plain.headers.link, undefined);
        break;
      case "freshness-unsaid":
        assert.equal(plain.headers["cache-control"] ?? plain.headers.expires, undefined);
        break;
      case "over-fetching":
        for (const name of ["kind", "tenant", "at"])
          assert.equal(new Set(rows(plain.text).map((row) => row[name])).size, 1);
        assert.equal((await sendRequest(url, "GET", `${target}?fields=id`, {})).bytes.length, plain.bytes.length);
        break;
      case "validator-missing":
        assert.equal(plain.headers.etag ?? plain.headers["last-modified"], undefined);
        break;
      case "vary-missing": {
        const coded = await get({ "accept-encoding": "gzip" });
        assert.equal(coded.headers["content-encoding"], "gzip");
        assert.equal(gunzipSync(coded.bytes).toString(), plain.text);
        assert.equal(coded.headers.vary, undefined);
        break;
      }
      case "offset-pages":
        assert.notEqual((await sendRequest(url, "GET", `${target}?offset=2&limit=1`, {})).text, plain.text);
        break;
      case "rate-limit-unsaid":
        assert.deepEqual(
          Object.keys(plain.headers).filter((name) => name.includes("ratelimit")),
          [],
        );
        break;
      case "server-timing-missing":
        assert.equal(plain.headers["server-timing"], undefined);
        break;
      case "trace-context-unsaid":
        assert.deepEqual(
          Object.keys(plain.headers).filter((name) => /trace|request-id/.test(name)),
          [],
        );
        break;
      default:
        if (!OF_TIME.has(check)) assert.fail(`${check} was found at ${target}, and nothing here confirms it`);
    }
  }
}

await test("a plain Express application: what is found is so, and nothing else is found", async (t) => {
  const app = express();
  app.get("/things", (_request, response) => void response.json(ROWS));
  app.get("/things/1", (_request, response) => void response.json(ROWS[1]));
  const handle: RequestListener = (request, response) => void app(request, response);
  const url = await listen(t, handle);
  const found = await audit(url, "/things", "/things/1");
  assert.deepEqual(
    foundAt(found, "/things"),
    ["compression-missing", "freshness-unsaid", "over-fetching", ...UNSAID, "unbounded-list"].sort(),
  );
  assert.deepEqual(foundAt(found, "/things/1"), ["freshness-unsaid"]);
  await confirm(url, found);
  assert.ok(found.score <= 62, String(found.score));
});

await test("JSON that nginx serves from files: what is found is so, and nothing else is found", async (t) => {
  const folder = await testFolder(t);
  for (const place of ["plain", "coded", "good"]) {
    await mkdir(join(folder, place));
    await writeFile(join(folder, place, "things.json"), JSON.stringify(ROWS), { mode: 0o644 });
  }
  const coding = "gzip on; gzip_types application/json;";
  const url = await startNginxServer(t, [
    `root ${folder}; types { application/json json; }`,
    `location /coded/ { ${coding} }`,
    `location /good/ { ${coding} gzip_vary on; add_header Cache-Control no-cache; }`,
  ]);
  if (url === undefined) return;
  const found = await audit(url, "/plain/things.json", "/coded/things.json", "/good/things.json");
  const list = ["over-fetching", "unbounded-list"];
  assert.deepEqual(
    foundAt(found, "/plain/things.json"),
    ["compression-missing", "freshness-unsaid", ...list, ...UNSAID].sort(),
  );
  assert.deepEqual(foundAt(found, "/coded/things.json"), ["freshness-unsaid", ...list, "vary-missing"].sort());
  assert.deepEqual(foundAt(found, "/good/things.json"), list);
  await confirm(url, found);
});

await test("what PostgREST answers: what is found is so, and nothing else is found", async (t) => {
  const url = await listen(t, postgrestLike);
  const targets = targetsOf(POSTGREST_DOCUMENT, "/");
  assert.deepEqual(targets, [{ path: "/things", parameters: ["select", "limit", "offset"] }]);
  const found = await auditApi(new URL(url), targets, SETTINGS);
  assert.deepEqual(
    foundAt(found, "/things"),
    [
      "compression-missing",
      "freshness-unsaid",
      "offset-pages",
      "unbounded-list",
      "validator-missing",
      ...UNSAID,
    ].sort(),
  );
  await confirm(url, found);
});

await test("hotpath itself: nothing but what it is not told to say", async (t) => {
  const database = await testDatabase(t);
  await loadShop(database, { scale: 0.05 });
  const api = await serve(t, database, { postgres: { maxRows: 50 } });
  const found = await audit(api.url, "/orders?order=created_at.desc,id&limit=20", "/users/42", "/products");
  assert.deepEqual(found.unanswered, []);
  for (const target of found.targets) {
    const rest = foundAt(found, target).filter((check) => !UNSAID.includes(check));
    assert.deepEqual(
      rest,
      [],
      `${target}: ${JSON.stringify(found.results.flatMap(({ findings }) => findings.map(({ seen }) => seen)))}`,
    );
  }
  await confirm(api.url, found);
  // The audit found that this was said of cached replies alone.
  const uncached = await serve(t, database, { postgres: { queryCache: { enabled: false } } });
  for (const accept of ["application/json", "text/csv"]) {
    const { headers } = await uncached.get("/orders?limit=1", { accept });
    assert.equal(headers.vary, "Accept, Prefer, Accept-Profile, Accept-Encoding");
  }
});

await test("each fault that is planted is found, where it is planted", async (t) => {
  const url = await listen(t, wrongReplies());
  const planted: Readonly<Record<string, string>> = {
    "/validator-ignored": "validator-ignored",
    "/validator-unstable": "validator-unstable",
    "/validator-lies": "validator-lies",
    "/validator-lies-coded": "validator-lies",
    "/validator-lies-304": "validator-lies",
    "/private-for-all": "private-for-all",
    "/vary-missing": "vary-missing",
    "/vary-missing-origin": "vary-missing",
    "/vary-star": "vary-star",
    "/compression-tiny": "compression-tiny",
    "/compression-forced": "compression-forced",
    "/keep-alive-missing": "keep-alive-missing",
  };
  for (const [path, check] of Object.entries(planted)) {
    const found = foundAt(await audit(url, path), path);
    assert.ok(found.includes(check), `${path}: ${found.join(", ")}`);
    const others = found.filter((each) => each !== check && Object.values(planted).includes(each));
    assert.deepEqual(others, [], path);
  }
  const secure = await listen(t, wrongReplies(), true);
  assert.ok(foundAt(await audit(secure, "/vary-star"), "/vary-star").includes("http2-missing"));
});

await test("rows that cost time each, requests in turn, and a stampede are found", async (t) => {
  const slow: readonly [string, RequestListener][] = [
    ["n-plus-one", rowByRow],
    ["one-at-a-time", inTurn()],
    ["stampede", stampeding()],
  ];
  for (const [check, handle] of slow) {
    const url = await listen(t, handle);
    // A machine that is busy with others can hide it once, not always.
    let isFound = false;
    for (let turn = 0; turn < 5 && !isFound; turn++) {
      isFound = (await audit(url, "/")).results.some(
        (result) => result.check.name === check && result.state === "found",
      );
    }
    assert.ok(isFound, check);
  }
});

await test("it stops where it is refused, where it fails, and where its requests are used up", async (t) => {
  let asked = 0;
  const url = await listen(t, (request, response) => {
    asked++;
    if (request.url === "/limited" && asked > 4) response.statusCode = 429;
    if (request.url === "/broken") response.statusCode = 503;
    response.setHeader("content-type", "application/json");
    response.end("{}");
  });
  const limited = await audit(url, "/limited", "/never");
  assert.match(limited.stopped ?? "", /429/);
  assert.equal(asked, 5);
  asked = 0;
  const broken = await audit(url, "/broken", "/broken", "/broken", "/never");
  assert.match(broken.stopped ?? "", /503 to \/broken, the third failure/);
  assert.equal(asked, 3);
  asked = 0;
  const frugal = await auditApi(new URL(url), [{ path: "/fine", parameters: [] }], { ...SETTINGS, maxRequests: 7 });
  assert.match(frugal.stopped ?? "", /all 7 requests/);
  assert.equal(asked, 7);
});
