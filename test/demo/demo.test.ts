import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { prepareDemo } from "../../src/demo/demo.ts";
import { waitForEnd } from "../../src/demo/processes.ts";
import { defer } from "../support/defer.ts";
import { queryRows, testFolder } from "../support/postgres.ts";
import { shopChecksum } from "./shop-checksum.ts";

const SCALE = 0.001;

test("a second demo on the same data is refused while the first runs, and reuses its data afterwards", async (t) => {
  const directory = await demoDirectory(t);
  const first = await prepareDemo({ directory, scale: SCALE });
  defer(t, first.stop);
  assert.equal(first.shop, "loaded");
  await assert.rejects(prepareDemo({ directory, scale: SCALE }), {
    code: "HP_CLUSTER_RUNNING",
    message: `the data directory ${directory} is in use: process ${process.pid} uses it`,
  });
  const checksum = await shopChecksum(first.url);
  await first.stop();
  const again = await prepareDemo({ directory, scale: SCALE });
  defer(t, again.stop);
  assert.equal(again.shop, "reused");
  assert.equal(await shopChecksum(again.url), checksum);
  const { password } = new URL(again.url);
  const stranger = again.url.replace(password, "guess");
  await assert.rejects(queryRows(stranger, "select 1"), { code: "28P01" });
});

test("a load that was interrupted is made anew", async (t) => {
  const directory = await demoDirectory(t);
  const whole = await prepareDemo({ directory, scale: SCALE });
  const checksum = await shopChecksum(whole.url);
  await whole.stop();
  const interruption = new AbortController();
  await assert.rejects(
    prepareDemo({
      directory,
      scale: SCALE * 2,
      signal: interruption.signal,
      onProgress: ({ step }) => step === "orders" && interruption.abort(),
    }),
    { name: "AbortError" },
  );
  const again = await prepareDemo({ directory, scale: SCALE });
  defer(t, again.stop);
  assert.equal(again.shop, "loaded");
  assert.equal(await shopChecksum(again.url), checksum);
});

test("a demo whose process is killed leaves no server behind, and the next one starts at once", async (t) => {
  const directory = await demoDirectory(t);
  const program = fileURLToPath(new URL("demo-process.ts", import.meta.url));
  const child = spawn(process.execPath, [program, directory], { stdio: ["pipe", "pipe", "inherit"] });
  defer(t, () => void child.kill("SIGKILL"));
  await once(createInterface({ input: child.stdout }), "line");
  const server = await serverPid(directory);
  child.kill("SIGKILL");
  await once(child, "exit");
  const next = await prepareDemo({ directory, scale: SCALE });
  defer(t, next.stop);
  assert.equal(next.shop, "reused");
  assert.ok(await waitForEnd(server, 5000));
});

async function demoDirectory(t: TestContext): Promise<string> {
  return join(await testFolder(t), "demo");
}

async function serverPid(directory: string): Promise<number> {
  return Number.parseInt(await readFile(join(directory, "postmaster.pid"), "utf8"), 10);
}
