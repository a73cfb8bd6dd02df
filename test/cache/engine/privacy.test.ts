import assert from "node:assert/strict";
import { it } from "node:test";
import * as fc from "fast-check";
import type { SourceReply } from "../../../src/api/source.ts";
import type { SourceRequest } from "../../../src/api/source-request.ts";
import { createBench, reply, settle, stream } from "./harness.ts";

/** Who asks, by which means they are told apart, and what for. */
const request = fc.record({
  user: fc.constantFrom("ann", "bob", "cid"),
  by: fc.constantFrom("authorization", "cookie", "x-tenant", "identity", "nothing"),
  target: fc.constantFrom("/a", "/b"),
  method: fc.constantFrom("GET", "GET", "GET", "HEAD", "POST"),
  range: fc.option(fc.constantFrom("bytes=0-2", "bytes=2-", "bytes=-2"), { freq: 4 }),
  directive: fc.option(fc.constantFrom("no-cache", "max-age=1", "max-stale", "only-if-cached"), { freq: 4 }),
  /** Milliseconds that go by first. */
  later: fc.constantFrom(0, 0, 0, 500, 2000, 70_000),
});

/** How the origin answers: what it says of caching, whether it streams, whether it fails. */
const origin = fc.record({
  control: fc.constantFrom("private, max-age=60", "max-age=60", "max-age=1, stale-while-revalidate=60", "no-cache", ""),
  etag: fc.constantFrom('"v1"', 'W/"v1"', ""),
  isStreamed: fc.boolean(),
  isFailing: fc.constantFrom(false, false, false, true),
});

/**
 * The origin's replies name whom they are for. Where its means of telling people apart is one that HTTP or hotpath knows of, nobody may ever
 * get another's, in whatever order, together or one after the other, fresh, stale or in parts.
 */
it("nobody gets a reply that was made for another", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(request, origin), { minLength: 2, maxLength: 24 }), async (steps) => {
      const bench = createBench({ collapseWaitMs: 50 });
      bench.random = 0.5;
      const under = steps.map(async ([asked, answers]) => {
        const { user, by, method, range, directive } = asked;
        const headers: Record<string, string> = {};
        if (by !== "identity" && by !== "nothing") headers[by] = user;
        if (range !== null) headers["range"] = range;
        if (directive !== null) headers["cache-control"] = directive;
        bench.nowMs += asked.later;
        bench.answer = (forwarded) => answer(forwarded, answers);
        if (asked.later > 0) await settle();
        const options = { method, identity: by === "identity" ? user : "" };
        const got = await bench.get(asked.target, { ...headers, "x-asker": by === "identity" ? user : "" }, options);
        const owner = got.headers["x-for"];
        if (owner !== undefined) assert.equal(owner, by === "nothing" ? "" : user, JSON.stringify(asked));
      });
      await Promise.all(under);
      await bench.engine.close();
    }),
    { numRuns: 300 },
  );
});

function answer(
  { headers, method }: SourceRequest,
  { control, etag, isStreamed, isFailing }: { control: string; etag: string; isStreamed: boolean; isFailing: boolean },
): SourceReply {
  if (isFailing) return reply("trouble", { "cache-control": "no-store" }, 503);
  const { authorization, cookie } = headers;
  const tenant = headers["x-tenant"];
  const owner = String(authorization ?? cookie ?? tenant ?? headers["x-asker"] ?? "");
  const fields: Record<string, string> = { "x-for": owner, vary: "X-Tenant" };
  // Whoever tells people apart by cookie has to say so or leave caching unmentioned; by Authorization nothing need be said.
  if (cookie !== undefined) fields["vary"] = "X-Tenant, Cookie";
  else fields["vary"] = "Cookie, X-Tenant";
  if (control !== "") fields["cache-control"] = control;
  if (etag !== "") fields["etag"] = etag.replace("v1", `v1${owner}`);
  if (etag !== "" && headers["if-none-match"] === fields["etag"]) return reply(undefined, fields, 304);
  const text = `for ${owner}`;
  if (method === "HEAD") return reply(undefined, fields);
  if (!isStreamed) return reply(text, fields);
  const body = stream();
  setImmediate(() => body.end(text));
  return reply(body, fields);
}
