import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { KNOWN_FAILURES, UNDECIDED } from "./known-failures.ts";
import { openPostgrestSuite, type PostgrestSuite } from "./postgrest-suite.ts";

/** In parts, so that a busy machine gets through each in time. */
const PARTS: readonly (readonly [title: string, areas: readonly string[], least: number])[] = [
  ["of reading", ["operators", "select", "filters", "ordering", "pagination", "domain_representations"], 190],
  ["of writing", ["mutations", "representations", "headers", "errors"], 100],
  ["of functions and media types", ["rpc", "content_negotiation", "url_grammar"], 104],
  ["of who asks", ["auth", "openapi"], 78],
  ["of settings", ["config", "observability"], 23],
];
const TIMEOUT_MS = 110_000;

describe("PostgREST's conformance cases", () => {
  let suite: PostgrestSuite | string;
  const releases: (() => Promise<void> | void)[] = [];
  before(async () => {
    // A hook's own `after` would be over with the hook.
    suite = await openPostgrestSuite({ after: (release) => void releases.push(release) });
  });
  after(async () => {
    for (const release of releases) await release();
  });
  const failed = new Set<string>();
  const ran = new Set<string>();

  for (const [title, areas, least] of PARTS) {
    test(title, async (t) => {
      if (typeof suite === "string") {
        t.skip(suite);
        return;
      }
      const { cases, report } = await suite.run({ areas, timeoutMs: TIMEOUT_MS });
      assert.ok(cases.length >= least, `only ${cases.length} cases ran\n${report}`);
      const failures = cases.filter(({ pass }) => !pass).map(({ id }) => String(id));
      for (const { id } of cases) ran.add(String(id));
      for (const id of failures) failed.add(id);
      assert.deepEqual(
        failures.filter((id) => !(id in KNOWN_FAILURES)),
        [],
        report,
      );
      t.diagnostic(`${cases.length - failures.length} of ${cases.length} pass on PostgreSQL ${suite.serverVersion}`);
    });
  }

  test("that are known to fail do fail", () => {
    const mended = Object.keys(KNOWN_FAILURES).filter((id) => ran.has(id) && !failed.has(id) && !UNDECIDED.has(id));
    assert.deepEqual(mended, [], "these pass: take them out of the known failures");
  });
});
