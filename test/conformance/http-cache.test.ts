import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { upstream } from "../../src/server/define-api.ts";
import { serveSources } from "../support/server.ts";
import { HTTP_CACHE_FAILURES } from "./http-cache-failures.ts";

/** The scorer lies beside the repository, the public suite wherever `CACHE_TESTS` says; neither is in it. */
const SCORER = fileURLToPath(new URL("../../../shared/conformance/http-cache/score.mjs", import.meta.url));
const TIMEOUT_MS = 300_000;

test("the public HTTP cache tests", async (t) => {
  if (process.env["CACHE_TESTS"] === undefined) {
    t.skip("CACHE_TESTS names no checkout of http-tests/cache-tests; the run takes a minute");
    return;
  }
  if (!existsSync(SCORER)) {
    t.skip("the scorer is not at ../shared/conformance/http-cache beside the repository");
    return;
  }
  const originPort = await freePort();
  // The suite compares Vary to the letter, and compression has its own part in it.
  const api = await serveSources(
    t,
    { "/": upstream(`http://127.0.0.1:${originPort}`) },
    { compression: { enabled: false } },
  );
  const folder = await mkdtemp(join(tmpdir(), "hotpath-cache-tests-"));
  t.after(() => rm(folder, { recursive: true }));
  const file = join(folder, "results.json");
  const given = [SCORER, "--json", file, "--origin-port", String(originPort), api.url];
  const { stdout } = await promisify(execFile)(process.execPath, given, { timeout: TIMEOUT_MS });
  t.diagnostic(stdout);
  const { results } = JSON.parse(await readFile(file, "utf8")) as {
    results: Readonly<Record<string, { kind: string; result: string }>>;
  };
  const failures = Object.entries(results)
    .filter(([, { kind, result }]) => kind !== "check" && result !== "pass")
    .map(([id]) => id);
  assert.deepEqual(failures.sort(), Object.keys(HTTP_CACHE_FAILURES).sort());
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
