import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { compareRuns } from "../../src/load/compare.ts";
import type { LoadResult } from "../../src/load/result.ts";
import { runHotpath } from "../cli/run-hotpath.ts";
import { startBrowser } from "../support/browser.ts";
import { requireCommand } from "../support/commands.ts";
import { serveSources } from "../support/server.ts";
import { listen, temporaryFolder } from "./support.ts";

test("a run is written for CI, for Prometheus and as a page that shows all of it, the server's own metrics too", async (t) => {
  const api = await serveSources(t, {
    "/": {
      name: "constant",
      kind: "constant",
      resolve: async () => ({ status: 200, headers: {}, body: "x" }),
    } as never,
  });
  const folder = await temporaryFolder(t);
  const at = (name: string): string => join(folder, name);
  const words = ["load", `${api.url}/items`, "--rate", "50", "-d", "4s", "--server-metrics", `${api.adminUrl}/metrics`];
  const files = [
    "--json",
    at("run.json"),
    "--html",
    at("run.html"),
    "--junit",
    at("run.xml"),
    "--prometheus",
    at("run.prom"),
  ];
  const { status, out, err } = await runHotpath([
    ...words,
    "--threshold",
    "http_reqs:count<0",
    "--threshold",
    "http_reqs:count>1",
    ...files,
  ]);
  assert.equal(status, 99, out + err);
  const junit = await readFile(at("run.xml"), "utf8");
  assert.match(junit, /tests="2" failures="1"/);
  assert.match(junit, /name="http_reqs count&lt;0"><failure message="it was 200"/);
  const prometheus = await readFile(at("run.prom"), "utf8");
  assert.match(prometheus, /^load_http_reqs_total\{title="GET http:[^"]*"\} 200$/m);
  assert.match(prometheus, /^load_http_req_duration_seconds\{.*quantile="0.99"\} [\d.e-]+$/m);
  const result = JSON.parse(await readFile(at("run.json"), "utf8")) as LoadResult;
  assert.ok(
    result.server?.lines.some(({ name }) => name === "Requests answered"),
    JSON.stringify(result.server),
  );

  const chromium = requireCommand(t, "chromium");
  if (chromium === undefined) return;
  const page = await startBrowser(t, chromium);
  for (const [width, scheme] of [
    [1280, "light"],
    [390, "dark"],
  ] as const) {
    await page.resize(width, 900);
    await page.scheme(scheme);
    await page.open(`file://${at("run.html")}`);
    await page.until(
      "document.querySelectorAll('.chart canvas').length >= 6 && document.querySelector('.heat canvas')",
    );
    const text = String(await page.evaluate("document.body.innerText"));
    for (const words of ["GET http://", "failed", "count<0", "Heat map", "Percentiles", "The server", "200"]) {
      assert.ok(text.includes(words), `${words} in ${text}`);
    }
    assert.equal(await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), true, "nothing hangs over");
  }
  assert.deepEqual(page.errors, []);
});

/** A run of 60 seconds with 100 requests each, most of which take about so long. */
function runOf(row: number, seed: number): LoadResult {
  const points = Array.from({ length: 60 }, (_, at) => ({
    at,
    requests: 100,
    failures: 0,
    heat: [row - 1, 30 + ((at * 7 + seed) % 5), row, 60 - ((at * 7 + seed) % 5), row + 8, 10],
  }));
  const ms = 0.1 * 10 ** (row / 10);
  return {
    points,
    scenarios: [{ name: "default", executor: "constant-vus", words: "" }],
    metrics: {
      http_req_duration: { kind: "trend", isTime: true, values: { med: ms, "p(95)": ms * 6, "p(99)": ms * 6.2 } },
      http_reqs: { kind: "counter", isTime: false, values: { count: 6000, rate: 100 } },
    },
    warnings: [],
  } as unknown as LoadResult;
}

test("runs of the same distribution are not told apart, and a real change is, with its bounds", () => {
  const options = { tolerance: 0.05, failureTolerance: 0.001 };
  const same = compareRuns(runOf(15, 0), runOf(15, 3), options);
  assert.deepEqual([...new Set(same.map(({ verdict }) => verdict))], ["same"]);
  const slower = compareRuns(runOf(15, 0), runOf(17, 0), options);
  const p50 = slower.find(({ name }) => name === "p50");
  assert.equal(p50?.verdict, "worse");
  assert.ok(p50.low > 1.4 && p50.low <= p50.change && p50.change <= p50.high && p50.high < 1.8);
  assert.equal(compareRuns(runOf(17, 0), runOf(15, 0), options)[0]?.verdict, "better");
});

test("compare answers 0 where nothing is worse and 99 where something is", async (t) => {
  const folder = await temporaryFolder(t);
  for (const [name, row] of [
    ["a.json", 15],
    ["b.json", 18],
  ] as const) {
    await writeFile(join(folder, name), JSON.stringify({ ...runOf(row, 0), format: "hotpath-load/1" }));
  }
  const compare = (...words: string[]) => runHotpath(["load", "compare", ...words], { directory: folder });
  assert.equal((await compare("a.json", "a.json")).status, 0);
  const worse = await compare("a.json", "b.json");
  assert.equal(worse.status, 99);
  assert.match(worse.out, /p50 .*\+99\.5% .*: worse/);
  assert.equal((await compare("a.json", "none.json")).status, 1);
});

test("a script in an endless loop is ended when the run is told to stop", async (t) => {
  const { url } = await listen(t, (_request, response) => response.end("x"));
  const folder = await temporaryFolder(t);
  await writeFile(
    join(folder, "loop.js"),
    `import http from "k6/http";
export const options = { iterations: 1, thresholds: { http_reqs: [{ threshold: "count<1", abortOnFail: true }] } };
export default function () { http.get("${url}"); const end = Date.now() + 1500; while (Date.now() < end); for (;;); }`,
  );
  const { startHotpath } = await import("../cli/run-hotpath.ts");
  const started = startHotpath(["load", join(folder, "loop.js")]);
  await started.said(/default: 1 iterations/);
  started.child.kill("SIGINT");
  const { status, out } = await started.ended;
  assert.equal(status, 105, out);
  assert.match(out, /Ended before its time: interrupted/);
});
