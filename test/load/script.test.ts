import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { runHotpath } from "../cli/run-hotpath.ts";
import { listen, runLoadTest, temporaryFolder } from "./support.ts";

const SCRIPTS = fileURLToPath(new URL("./scripts/", import.meta.url));

function answer(request: IncomingMessage, response: ServerResponse, seen: string[]): void {
  let body = "";
  request.on("data", (chunk: Buffer) => (body += chunk.toString()));
  request.on("end", () => {
    const { method = "", url = "", headers } = request;
    seen.push(`${method} ${url}`);
    const json = (status: number, value: unknown, more: Record<string, string> = {}): void => {
      response.writeHead(status, { "content-type": "application/json", ...more }).end(JSON.stringify(value));
    };
    if (url === "/setup") json(200, { token: "secret" });
    else if (url === "/login" && headers.authorization !== "secret") json(401, {});
    else if (url === "/login" && method === "POST")
      json(201, { user: { names: [(JSON.parse(body) as { name: string }).name] } });
    else if (url === "/login") response.writeHead(204).end();
    else if (url === "/cookie") json(200, {}, { "set-cookie": "a=b; Path=/" });
    else if (url === "/moved") response.writeHead(302, { location: "/echo" }).end();
    else if (url === "/echo") json(200, { body, cookie: headers.cookie });
    else json(200, { id: Number(url.slice(1)) });
  });
}

test("a script in TypeScript with modules, scenarios, groups, callbacks, batches, timers and hooks runs as it would in k6", async (t) => {
  const seen: string[] = [];
  const { url } = await listen(t, (request, response) => answer(request, response, seen));
  const folder = await temporaryFolder(t);
  const { status, out, err } = await runHotpath(
    ["load", join(SCRIPTS, "everything.ts"), "-e", `BASE=${url}`, "--workers", "2", "--json", "result.json"],
    { directory: folder },
  );
  assert.equal(status, 0, out + err);
  assert.equal(out, "seen 10\n");
  assert.equal(seen[0], "GET /setup");
  assert.equal(seen.at(-1), "GET /teardown?token=secret");
  const summary = JSON.parse(await readFile(join(folder, "summary.json"), "utf8")) as Record<
    string,
    { values: Record<string, number> }
  >;
  assert.equal(summary["checks"]?.values["fails"], 0, JSON.stringify(summary["checks"]));
  assert.deepEqual([summary["iterations"]?.values["count"], summary["seen{from:default}"]?.values["count"]], [10, 6]);
});

test("the guide's script runs as it stands, its host led elsewhere", async (t) => {
  const tokens = new Set<string | undefined>();
  const { url } = await listen(t, (request, response) => {
    tokens.add(request.headers.authorization);
    response.end("{}");
  });
  const words = ["--host", `api.example.com=${url}`, "-e", "API_TOKEN=abc", "-s", "500ms:4", "-s", "500ms:0"];
  const { status, out, result } = await runLoadTest(t, [join(SCRIPTS, "guide.js"), ...words]);
  assert.equal(status, 0, out);
  assert.deepEqual([...tokens], ["Bearer abc"]);
  assert.match(out, /✓ 'p\(95\)<500'/);
  assert.equal(result?.requests[0]?.name, "https://api.example.com/users/:id");
});

async function runText(t: Parameters<typeof temporaryFolder>[0], text: string, words: readonly string[] = []) {
  const folder = await temporaryFolder(t);
  const file = join(folder, "script.js");
  await writeFile(file, text);
  return runLoadTest(t, [file, ...words]);
}

test("what k6 has and hotpath has not is named with its line before anything runs", async (t) => {
  const { status, err } = await runText(
    t,
    `import http from "k6/http";
import ws from "k6/ws";
import { chromium } from "k6/browser";
import { md4 } from "k6/crypto";
class Client {
  constructor() {
    this.first = http.get("http://127.0.0.1:1");
  }
}
export default function () {
  [new Client()].sort((a, b) => http.get("x").status);
  http.trace("http://127.0.0.1:1");
}
`,
  );
  assert.equal(status, 1);
  for (const place of [
    "script.js:2:1: k6/ws",
    "script.js:3:1: k6/browser",
    'script.js:4:1: k6/crypto has no "md4"',
    "script.js:6:",
    "script.js:11:",
    'script.js:12:8: k6/http has no "trace"',
  ]) {
    assert.ok(err.includes(place), `${place} in ${err}`);
  }
});

test("an error points to the user's line, of TypeScript and of functions that wait too", async (t) => {
  const folder = await temporaryFolder(t);
  const file = join(folder, "script.ts");
  await writeFile(
    file,
    `import { sleep } from "k6";

function inner(value: number): number {
  sleep(0.001); if (value > 0) throw new Error("too much");
  return value;
}
export default function (): void { const a: number = 1; inner(a); }
`,
  );
  const { err, status } = await runLoadTest(t, [file]);
  assert.equal(status, 0);
  assert.match(err, /Error: too much\n\s+at inner \(.*script\.ts:4:38\)\n\s+at default \(.*script\.ts:7:5[67]\)/);
});

test("a syntax error and a throwing module are told with their place", async (t) => {
  assert.match((await runText(t, "export default function () {\n  const = 5;\n}\n")).err, /script\.js:2:9: /);
  assert.match((await runText(t, "const a = 1;\na.b.c;\nexport default () => {};\n")).err, /script\.js:2:5/);
});

test("a failed threshold ends the run early where it says so, with status 99; exec.test.abort with 108", async (t) => {
  const aborting = await runText(
    t,
    `import { Counter } from "k6/metrics"; import { sleep } from "k6";
const n = new Counter("n");
export const options = { vus: 1, duration: "10m", thresholds: { n: [{ threshold: "count<5", abortOnFail: true }] } };
export default function () { n.add(1); sleep(0.01); }`,
  );
  assert.equal(aborting.status, 99);
  assert.match(aborting.result?.aborted ?? "", /n: count<5/);
  const told = await runText(
    t,
    `import exec from "k6/execution";
export const options = { vus: 2, duration: "10m" };
export default function () { exec.test.abort("enough"); }`,
  );
  assert.equal(told.status, 108);
  assert.equal(told.result?.aborted, "enough");
});

test("the six executors begin exactly what they are to begin, over processes", async (t) => {
  const { result, err, out } = await runText(
    t,
    `import { sleep } from "k6"; import { Counter } from "k6/metrics"; import exec from "k6/execution";
const begun = new Counter("begun");
const at = (more) => ({ gracefulStop: "5s", tags: { from: more.exec }, ...more });
export const options = { scenarios: {
  shared: at({ executor: "shared-iterations", vus: 3, iterations: 31, exec: "shared" }),
  each: at({ executor: "per-vu-iterations", vus: 3, iterations: 7, exec: "each" }),
  constant: at({ executor: "constant-vus", vus: 3, duration: "1s", exec: "constant" }),
  ramping: at({ executor: "ramping-vus", startVUs: 0, stages: [{ duration: "500ms", target: 4 }, { duration: "500ms", target: 0 }], exec: "ramping" }),
  rate: at({ executor: "constant-arrival-rate", rate: 60, duration: "1s", preAllocatedVUs: 2, maxVUs: 40, exec: "rate" }),
  ramped: at({ executor: "ramping-arrival-rate", startRate: 10, stages: [{ duration: "1s", target: 90 }], preAllocatedVUs: 2, maxVUs: 60, exec: "ramped" }),
}, thresholds: Object.fromEntries(["shared", "each", "constant", "ramping", "rate", "ramped"].map((name) => ["begun{from:" + name + "}", ["count>=0"]])) };
const ids = new Set();
function run() { ids.add(exec.scenario.iterationInTest); begun.add(1); sleep(0.02); }
export { run as shared, run as each, run as constant, run as ramping, run as rate, run as ramped };`,
    ["--workers", "2"],
  );
  const count = (name: string): number => result?.metrics[`begun{from:${name}}`]?.values["count"] ?? -1;
  const all = `${err}${out}`;
  assert.equal(count("shared"), 31, all);
  assert.equal(count("each"), 21);
  const dropped = result?.metrics["dropped_iterations"]?.values["count"] ?? 0;
  assert.equal(count("rate") + count("ramped") + dropped, 110);
  assert.ok(count("constant") >= 3 && count("constant") <= 150);
  assert.ok(count("ramping") >= 0 && count("ramping") <= 110);
});

test("CommonJS scripts run, and packages of npm can be imported", async (t) => {
  const { status, err, out } = await runText(
    t,
    `const http = require("k6/http"); const { check } = require("k6");
const crypto = require("node:crypto");
module.exports.options = { iterations: 1, thresholds: { checks: ["rate==1"] } };
module.exports.default = function () {
  check(http.get("http://127.0.0.1:1"), { "an error by its number": (r) => r.status === 0 && r.error_code === 1212 });
  check(crypto.randomUUID(), { "a package": (id) => id.length === 36 });
};`,
  );
  assert.equal(status, 0, err + out);
});
