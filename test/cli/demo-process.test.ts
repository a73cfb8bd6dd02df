import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { requireCommand } from "../support/commands.ts";
import { testFolder } from "../support/postgres.ts";
import { startHotpath } from "./run-hotpath.ts";

test("hotpath demo loads a shop, prints lines that work, stops cleanly and reuses its data", async (t) => {
  if (requireCommand(t, "curl") === undefined) return;
  const directory = join(await testFolder(t), "demo");
  const argv = ["demo", "--scale", "0.01", "--directory", directory, "--port", "0", "--admin-port", "0"];

  const first = startHotpath(argv);
  t.after(() => first.child.kill("SIGKILL"));
  await first.said(/Loading the shop: 0%/);
  const examples = await first.said(/\nTry:\n([^]*)\nCtrl-C stops everything/);
  const replies: string[] = [];
  for (const [line] of examples.matchAll(/^ {2}curl .*$/gm)) {
    replies.push(await shell(line));
  }
  assert.equal(replies.length, 5);
  const [row, embedded, page, unchanged, csv] = replies as [string, string, string, string, string];
  assert.match(row, /^HTTP\/1\.1 200 [^]*\{"id":42,/);
  assert.match(embedded, /^\[\{"id":\d+,"total":[\d.]+,"users":\{"username": *"[^"]+"\},"order_items":\[\{/);
  assert.match(page, /^link: <[^>]*after=[^>]*>; rel="next"/m);
  assert.match(unchanged, /^HTTP\/1\.1 304 /);
  assert.match(csv, /^content-range: 0-\d+\/\d+\r$[^]*^sku,name,price$/m);

  first.child.kill("SIGINT");
  const { status, err } = await first.ended;
  assert.equal(status, 0, err);
  assert.ok(!existsSync(join(directory, "postmaster.pid")), "PostgreSQL has stopped");

  const second = startHotpath([...argv, "--replicas", "1", "--workers", "2"]);
  t.after(() => second.child.kill("SIGKILL"));
  await second.said(/sample shop, reused/);
  const more = await second.said(/\nTry:\n([^]*)\nCtrl-C stops everything/);
  const [, , , , , written = "", metrics = ""] = [...more.matchAll(/^ {2}curl .*$/gm)].map(([line]) => line);
  assert.match((await shell(written)) + written, /^HTTP\/1\.1 200 [^]*\[\{"id":42,"country":"NZ"\}\]/);
  assert.match(await shell(metrics), /^hotpath_reads_routed_total\{[^}]*\} 1$/m);
  second.child.kill("SIGTERM");
  const { status: again, err: messages } = await second.ended;
  assert.equal(again, 0, messages);
  assert.doesNotMatch(messages, /Loading/);
  assert.deepEqual(await readdir(dirname(directory)), ["demo"], "the replica is gone");
  assert.ok(!existsSync(join(directory, "postmaster.pid")), "PostgreSQL has stopped");
});

async function shell(line: string): Promise<string> {
  return (await promisify(execFile)("sh", ["-c", line], { timeout: 20_000 })).stdout;
}

test("Ctrl-C while the demo loads stops everything and is no failure", async (t) => {
  const directory = join(await testFolder(t), "demo");
  const argv = ["demo", "--scale", "1", "--directory", directory, "--port", "0", "--admin-port", "0"];
  const { child, ended, said } = startHotpath(argv);
  t.after(() => child.kill("SIGKILL"));
  await said(/Loading the shop: 0%/);
  child.kill("SIGINT");
  const { status, err } = await ended;
  assert.equal(status, 0, err);
  assert.ok(!existsSync(join(directory, "postmaster.pid")), "PostgreSQL has stopped");
});
