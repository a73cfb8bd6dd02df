import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { runHotpath } from "../cli/run-hotpath.ts";
import { testFolder } from "../support/postgres.ts";
import { listen, postgrestLike, POSTGREST_DOCUMENT } from "./apis.ts";

await test("the command reports for terminals, as JSON and as a page, and shows nobody the credentials", async (t) => {
  const directory = await testFolder(t);
  const url = await listen(t, (request, response) => {
    response.setHeader("set-cookie", "session=SECRET-COOKIE");
    response.setHeader("x-note", "<script>alert(1)</script>");
    postgrestLike(request, response);
  });
  await writeFile(join(directory, "openapi.json"), JSON.stringify(POSTGREST_DOCUMENT));
  const environment = { HOTPATH_AUDIT_HEADER: "Authorization: Bearer SECRET-TOKEN" };
  const argv = ["audit", `${url}/`, "--openapi", "openapi.json", "--html", "report.html"];
  const shown = await runHotpath(argv, { directory, environment });
  assert.equal(shown.status, 0, shown.err);
  assert.match(shown.out, /: \d+ of 100\n\d+ requests to \/things\n/);
  assert.match(shown.out, /Pages by offset/);
  const json = await runHotpath([...argv, "--json"], { directory, environment });
  const audit = JSON.parse(json.out) as {
    score: number;
    results: { name: string; state: string; fix?: { nginx: string } }[];
  };
  assert.ok(audit.score > 0 && audit.score < 100);
  assert.ok(audit.results.find(({ name }) => name === "compression-missing")?.fix?.nginx.includes("gzip on"));
  const page = await readFile(join(directory, "report.html"), "utf8");
  assert.match(page, /^<!doctype html>/);
  assert.doesNotMatch(page, /<script|https?:\/\/(?!127\.0\.0\.1)/, "the page loads nothing and runs nothing");
  assert.match(page, /&lt;script&gt;/);
  for (const text of [shown.out, json.out, page]) assert.doesNotMatch(text, /SECRET/);
});

await test("a score that is too low, an API that does not answer and a document elsewhere are errors", async (t) => {
  const url = await listen(t, postgrestLike);
  const low = await runHotpath(["audit", `${url}/things`, "--fail-under", "99"]);
  assert.equal(low.status, 1);
  assert.match(low.err, /--fail-under says 99.*HP_AUDIT_FAILED/s);
  const silent = await runHotpath(["audit", "http://127.0.0.1:9/things"]);
  assert.equal(silent.status, 1);
  assert.match(silent.err, /HP_AUDIT_FAILED/);
  const elsewhere = await runHotpath(["audit", url, "--openapi", "http://127.0.0.1:9/openapi.json"]);
  assert.equal(elsewhere.status, 2);
  assert.match(elsewhere.err, /only the named one is asked/);
});
