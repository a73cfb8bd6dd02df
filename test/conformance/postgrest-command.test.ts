import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { test } from "node:test";
import { runCommandCases } from "./postgrest-commands.ts";
import { POSTGREST_SUITE } from "./postgrest-suite.ts";

test("PostgREST's conformance cases of the command line", async (t) => {
  if (!existsSync(POSTGREST_SUITE)) {
    t.skip("the conformance suite is not at ../shared/conformance/postgrest beside the repository");
    return;
  }
  const cases = await runCommandCases(t);
  assert.equal(cases.length, 26);
  assert.deepEqual(
    cases.filter(({ pass }) => !pass).map(({ id, reasons }) => ({ id, reasons })),
    [],
  );
});
