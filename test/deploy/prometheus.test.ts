import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { promisify } from "node:util";
import { freePort } from "../../src/demo/cluster.ts";
import { runHotpath } from "../cli/run-hotpath.ts";
import { findCommand, requireCommand } from "../support/commands.ts";
import { defer } from "../support/defer.ts";
import { testDatabase } from "../support/postgres.ts";
import { serve } from "../support/server.ts";

const run = promisify(execFile);

await test("a real Prometheus takes the files, scrapes a server, and knows every query of rules and dashboard", async (t) => {
  const promtool = requireCommand(t, "promtool");
  const prometheus = findCommand("prometheus");
  if (promtool === undefined || prometheus === undefined) return;
  const api = await serve(t, await testDatabase(t, { sql: "create table films (id int primary key)" }));
  const folder = await temporary(t);
  const rules = join(folder, "hotpath.rules.yml");
  const configuration = join(folder, "prometheus.yml");
  await writeFile(rules, await print("prometheus-rules", "--availability", "99.95"));
  const scraped = await print("prometheus", "--targets", new URL(api.adminUrl).host, "--rules", rules);
  await writeFile(configuration, scraped.replace("scrape_interval: 15s", "scrape_interval: 1s"));
  assert.match((await run(promtool, ["check", "rules", rules])).stdout, /SUCCESS: \d+ rules found/);
  assert.match((await run(promtool, ["check", "config", configuration])).stdout, /SUCCESS/);

  const url = await startPrometheus(t, prometheus, configuration, folder);
  const query = async (expression: string): Promise<{ metric: Record<string, string>; value: [number, string] }[]> => {
    const response = await fetch(`${url}/api/v1/query?query=${encodeURIComponent(expression)}`);
    const body = (await response.json()) as { status: string; error?: string; data?: { result: [] } };
    assert.equal(body.status, "success", `${expression}: ${body.error}`);
    return body.data?.result ?? [];
  };
  const deadline = Date.now() + 60_000;
  for (let found = 0; found < 1;) {
    await api.get("/films");
    found = (await query('api_requests_total{job="hotpath",endpoint="/films"}')).length;
    assert.ok(Date.now() < deadline, "not scraped in time");
  }
  assert.equal((await query('up{job="hotpath"}'))[0]?.value[1], "1");

  const dashboard = JSON.parse(await print("grafana")) as { panels: { title: string; targets: { expr: string }[] }[] };
  const metrics = await api.metrics();
  for (const { title, targets } of dashboard.panels) {
    for (const { expr } of targets) {
      await query(expr.replaceAll("$__rate_interval", "1m").replaceAll("$instance", ".*"));
      for (const [, name = ""] of expr.matchAll(/\b((?:api|hotpath|db|nodejs|process)_[a-z_]+)\{/g)) {
        assert.ok(metrics.includes(`# TYPE ${name.replace(/_(?:bucket|sum|count)$/, "")} `), `${title}: ${name}`);
      }
    }
  }
});

test("what cannot be is refused", async () => {
  for (const words of [
    ["deploy"],
    ["deploy", "grafan"],
    ["deploy", "prometheus-rules", "--availability", "100"],
    ["deploy", "prometheus-rules", "--latency", "0.3"],
    ["deploy", "kubernetes", "--min-pods", "20"],
    ["deploy", "kubernetes", "--image", "two words"],
    ["deploy", "kubernetes", "--cert", "of-nginx.pem"],
    ["deploy", "nginx", "--cache-folder", "/x; root /"],
    ["deploy", "simulate", "--base", "100", "--peak", "10"],
  ]) {
    const { status, out } = await runHotpath(words);
    assert.equal(status, 2, words.join(" "));
    assert.equal(out, "", "nothing that could be taken for a file");
  }
});

async function startPrometheus(
  t: TestContext,
  program: string,
  configuration: string,
  folder: string,
): Promise<string> {
  const address = `127.0.0.1:${await freePort()}`;
  const words = [
    `--config.file=${configuration}`,
    `--web.listen-address=${address}`,
    `--storage.tsdb.path=${join(folder, "data")}`,
  ];
  const child = spawn(program, words, { stdio: ["ignore", "ignore", "pipe"] });
  defer(t, async () => {
    if (child.exitCode === null && child.kill("SIGKILL")) await once(child, "exit");
  });
  await new Promise<void>((resolve, reject) => {
    let said = "";
    child.stderr.on("data", (chunk: Buffer) => {
      said += chunk.toString();
      if (said.includes("ready to receive web requests")) resolve();
    });
    child.once("exit", () => reject(new Error(said)));
  });
  return `http://${address}`;
}

/** What a deploy command prints. */
async function print(...words: string[]): Promise<string> {
  const { out, err, status } = await runHotpath(["deploy", ...words]);
  assert.equal(status, 0, err);
  return out;
}

async function temporary(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(await realpath(tmpdir()), "hotpath-prometheus-"));
  defer(t, async () => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}
