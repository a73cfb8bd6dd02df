import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { createMetrics } from "../../src/observe/metrics.ts";
import { createHttpMetrics } from "../../src/observe/http-metrics.ts";
import { requireCommand } from "../support/commands.ts";
import { testDatabase } from "../support/postgres.ts";
import { serve } from "../support/server.ts";

const FILMS = "create table films (id int primary key, title text); insert into films values (1, 'Alien');";

await test("promtool finds nothing wrong with the metrics of a server that was used", async (t) => {
  const promtool = requireCommand(t, "promtool");
  if (promtool === undefined) return;
  const api = await serve(t, await testDatabase(t, { sql: FILMS }));
  await api.get("/films");
  await api.get("/films/1");
  await api.get("/nowhere");
  await api.send("POST", "/films", { "content-type": "application/json" }, '{"id":2}');
  const check = spawn(promtool, ["check", "metrics"], { stdio: ["pipe", "pipe", "pipe"] });
  let said = "";
  for (const stream of [check.stdout, check.stderr]) stream.on("data", (chunk: Buffer) => (said += chunk.toString()));
  check.stdin.end(await api.metrics());
  const [status] = (await once(check, "close")) as [number];
  assert.equal(said, "");
  assert.equal(status, 0);
});

await test("ten thousand URLs add no label value", async (t) => {
  const api = await serve(t, await testDatabase(t, { sql: FILMS }));
  const ask = async (at: number): Promise<void> => {
    await api.get(`/films/${at}`);
    await api.get(`/films?id=eq.${at}&title=neq.${at}`);
    await api.get(`/none-${at}`);
    await api.get(`/rpc/none_${at}`);
  };
  /** What the labels say that a URL could get into. Statuses are left out: a busy machine may refuse some of the requests. */
  const values = async (): Promise<string[]> => {
    const found = (await api.metrics()).matchAll(/\b(endpoint|method|http_route|db_collection_name)="([^"]*)"/g);
    return [...new Set([...found].map(([, name, value]) => `${name} ${value}`))].sort();
  };
  await ask(1);
  await api.get("/films/2");
  const before = await values();
  for (let at = 2; at <= 2500; at += 50)
    await Promise.all(Array.from({ length: 50 }, async (_, next) => ask(at + next)));
  assert.deepEqual(await values(), before);
  assert.ok(before.length < 20, before.join());
});

test("requests and their durations have OpenTelemetry's names, too, and exemplars in OpenMetrics", () => {
  const metrics = createMetrics();
  const http = createHttpMetrics(metrics);
  const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
  http.record("GET", "/films", 200, 0.0002, traceId);
  http.record("GET", "/films", 200, 0.0003);
  http.record("GET", "/films", 404, 0.002);
  const text = metrics.render("openmetrics");
  const name = "http_server_request_duration_seconds";
  const labels = 'http_request_method="GET",http_route="/films",http_response_status_code="200"';
  const found = text.split("\n").filter((line) => line.startsWith(`${name}_bucket{${labels},le="0.00025"}`));
  assert.match(found.join(), new RegExp(`^\\S+ 1 # \\{trace_id="${traceId}"\\} 0\\.0002 \\d+\\.\\d{3}$`));
  assert.ok(text.includes(`${name}_count{${labels}} 2\n`));
  assert.ok(text.includes('api_request_duration_seconds_count{method="GET",endpoint="/films"} 3\n'));
  assert.ok(text.includes('api_requests_total{method="GET",endpoint="/films",status_code="404"} 1\n'));
  assert.ok(!metrics.render().includes("# {"), "the plain format has no exemplars");
});
