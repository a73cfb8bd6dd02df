import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { HttpReply, HttpRequest } from "../../src/http/message.ts";
import { upstream } from "../../src/server/define-api.ts";
import { startListener, text } from "../server/listener/harness.ts";
import { testFolder } from "../support/postgres.ts";
import { serveSources } from "../support/server.ts";
import { HTTP1_WARNINGS } from "./http1-warnings.ts";

/** The suite lies beside the repository, not in it. */
const RUNNER = fileURLToPath(new URL("../../../shared/conformance/http1/run.mjs", import.meta.url));
const TIMEOUT_MS = 110_000;

test("the HTTP/1.1 cases, in front of routes of ours", async (t) => {
  if (!hasSuite(t)) return;
  const { port } = await startListener(t, answer);
  const { failed, warned } = await score(t, port);
  assert.deepEqual(failed, []);
  assert.deepEqual(warned, Object.keys(HTTP1_WARNINGS).sort());
});

test("the HTTP/1.1 cases, in front of an upstream", async (t) => {
  if (!hasSuite(t)) return;
  const { url } = await startListener(t, answer);
  const api = await serveSources(t, { "/": upstream(url) });
  const { failed } = await score(t, Number(new URL(api.url).port));
  assert.deepEqual(failed, []);
});

function hasSuite(t: TestContext): boolean {
  if (existsSync(RUNNER)) return true;
  t.skip("the HTTP/1.1 suite is not at ../shared/conformance/http1 beside the repository");
  return false;
}

/** Scored cases by verdict, in the order of their names. */
async function score(t: TestContext, port: number): Promise<{ failed: string[]; warned: string[] }> {
  const file = join(await testFolder(t), "results.json");
  const given = [RUNNER, "--port", String(port), "--json", file];
  const run = promisify(execFile)(process.execPath, given, { timeout: TIMEOUT_MS, maxBuffer: 1 << 24 });
  const out = await run.then(
    ({ stdout }) => stdout,
    // It ends with 1 when a case fails.
    (error: { stdout?: string; stderr?: string }) => `${error.stdout}${error.stderr}`,
  );
  t.diagnostic(out);
  const { results } = JSON.parse(await readFile(file, "utf8")) as { results: CaseResult[] };
  const scored = results.filter((result) => result.scored);
  assert.equal(scored.length, 260, out);
  const named = (verdict: string): string[] =>
    scored
      .filter((result) => result.verdict === verdict)
      .map(({ id }) => id)
      .sort();
  return { failed: named("fail"), warned: named("warn") };
}

interface CaseResult {
  readonly id: string;
  readonly scored: boolean;
  readonly verdict: string;
}

/** The routes that the suite asks for. */
async function answer(request: HttpRequest): Promise<HttpReply> {
  const { method, path, headers } = request;
  if (path === "/echo") {
    await drain(request);
    return text(
      Object.entries(headers)
        .map(([name, value]) => `${name}: ${String(value)}\n`)
        .join(""),
    );
  }
  if (path === "/early") return text("OK");
  if (path === "/slow") return new Promise((resolve) => setTimeout(resolve, 200, text("OK")));
  if (path === "/cookie") return text((headers.cookie ?? "").replaceAll(/; */g, "\n"));
  if (path !== "/") return text("", 404);
  if (method === "OPTIONS") return { status: 204, headers: { allow: ALLOWED }, body: undefined };
  if (method === "POST") return text(await drain(request));
  if (method === "GET" || method === "HEAD") return text("OK");
  return text("", 405, { allow: ALLOWED });
}

const ALLOWED = "GET, HEAD, POST, OPTIONS";

async function drain(request: HttpRequest): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request.body) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
