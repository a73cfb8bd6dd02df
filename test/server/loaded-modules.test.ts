import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";

/** Parts of Node that a server has no use for, and that are large. */
const UNWANTED = ["internal/http2/core", "internal/deps/undici/undici", "internal/test_runner/harness"];

test("serving loads nothing of Node that it has no use for", async () => {
  const parts = ["server/start", "postgres/index", "upstream/source", "cache/index"];
  const imports = parts.map(
    (part) => `await import(${JSON.stringify(new URL(`../../src/${part}.ts`, import.meta.url).href)});`,
  );
  const script = `${imports.join("\n")}\nconsole.log(JSON.stringify(process.moduleLoadList));`;
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", script], {
    timeout: 60_000,
  });
  const loaded = JSON.parse(stdout) as readonly string[];
  assert.ok(loaded.includes("NativeModule http"));
  for (const name of UNWANTED) assert.ok(!loaded.includes(`NativeModule ${name}`), name);
});
