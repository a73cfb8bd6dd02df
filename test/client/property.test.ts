import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { type Clock, clientWith, type Scripted, startServer } from "./scripted-server.ts";

/** How the server answers for a path: what it allows, in seconds. */
interface Policy {
  readonly maxAge: number;
  readonly whileRevalidate: number;
  readonly ifError: number;
  readonly noStore: boolean;
  readonly noCache: boolean;
  readonly mustRevalidate: boolean;
  readonly validator: "etag" | "none";
}

type Step =
  | {
      readonly kind: "read";
      readonly path: number;
      readonly user: number;
      readonly cache: "default" | "no-cache" | "reload";
    }
  | { readonly kind: "change"; readonly path: number; readonly policy: Policy }
  | { readonly kind: "write"; readonly path: number }
  | { readonly kind: "wait"; readonly seconds: number }
  | { readonly kind: "outage"; readonly isOn: boolean };

const path = fc.integer({ min: 0, max: 1 });
const seconds = fc.constantFrom(0, 1, 5, 20);
const policy: fc.Arbitrary<Policy> = fc.record({
  maxAge: seconds,
  whileRevalidate: seconds,
  ifError: seconds,
  noStore: fc.boolean(),
  noCache: fc.boolean(),
  mustRevalidate: fc.boolean(),
  validator: fc.constantFrom("etag", "none"),
});
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("read" as const),
      path,
      user: fc.integer({ min: 0, max: 1 }),
      cache: fc.constantFrom("default", "default", "no-cache", "reload"),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("change" as const), path, policy }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("write" as const), path }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("wait" as const), seconds: fc.integer({ min: 1, max: 15 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("outage" as const), isOn: fc.boolean() }) },
);

const START_MS = Date.UTC(2026, 0, 1);
const LENIENT: Policy = {
  maxAge: 5,
  whileRevalidate: 5,
  ifError: 20,
  noStore: false,
  noCache: false,
  mustRevalidate: false,
  validator: "etag",
};

await test("a body is current, or as old as the headers it was last confirmed with allow", async (t) => {
  const clock: Clock = { ms: START_MS };
  const server = await startServer(t, clock, () => undefined);
  let run = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
      clock.ms = START_MS;
      run++;
      await replay(server, clock, steps, `/${run}`);
    }),
    { numRuns: 150 },
  );
});

/** What the server said last about a version: with which policy, and when. */
interface Confirmation {
  readonly policy: Policy;
  readonly atMs: number;
}

async function replay(
  server: Awaited<ReturnType<typeof startServer>>,
  clock: Clock,
  steps: readonly Step[],
  prefix: string,
): Promise<void> {
  const resources = [0, 1].map(() => ({ version: 1, policy: LENIENT, writtenAt: 0 }));
  const confirmed = new Map<string, Confirmation>();
  let isOut = false;
  server.script = ({ method, headers, path: url }): Scripted => {
    // A refresh behind may outlive its run.
    if (!url.startsWith(`${prefix}/`)) return { status: 500 };
    const resource = resources[Number(url.at(-1))];
    assert.ok(resource !== undefined);
    if (isOut) return { status: 500, body: "out" };
    if (method !== "GET") {
      resource.version++;
      return { status: 204 };
    }
    const text = `${headers.authorization} ${url.at(-1)} ${resource.version}`;
    confirmed.set(text, { policy: resource.policy, atMs: clock.ms });
    const etag = `"${resource.version}"`;
    const fields = { "cache-control": format(resource.policy), ...(resource.policy.validator === "etag" && { etag }) };
    return headers["if-none-match"] === etag && resource.policy.validator === "etag"
      ? { status: 304, headers: fields }
      : { headers: fields, body: text };
  };
  const client = clientWith(clock, { retries: 0 });
  for (const each of steps) {
    if (each.kind === "wait") clock.ms += each.seconds * 1000;
    else if (each.kind === "outage") isOut = each.isOn;
    else if (each.kind === "change") {
      const resource = resources[each.path];
      assert.ok(resource !== undefined);
      resource.version++;
      resource.policy = each.policy;
    } else if (each.kind === "write") {
      const response = await client.fetch(`${server.url}${prefix}/${each.path}`, { method: "PUT", body: "x" });
      // Own writes are read back: nothing older may be seen from here on.
      if (response.ok)
        for (const text of confirmed.keys()) if (text.split(" ")[1] === String(each.path)) confirmed.delete(text);
    } else await read(each);
  }

  async function read({ path: index, user, cache }: Extract<Step, { kind: "read" }>): Promise<void> {
    const headers = { authorization: `user${user}` };
    const response = await client.fetch(`${server.url}${prefix}/${index}`, { headers, cache });
    const text = await response.text();
    const event = client.events.findLast(({ type }) => type !== "refreshed")?.type;
    if (response.status === 500) return assert.ok(isOut, "an error is shown only while there is one");
    const resource = resources[index];
    assert.ok(resource !== undefined);
    assert.ok(text.startsWith(`user${user} ${index} `), `${text} for user${user}`);
    const isCurrent = text === `user${user} ${index} ${resource.version}`;
    if (isCurrent && event !== "hit" && event !== "stale") return;
    const last = confirmed.get(text);
    assert.ok(last !== undefined, `${text} was seen after a write that replaced it`);
    const { policy: allowed } = last;
    const staleS = (clock.ms - last.atMs) / 1000 - allowed.maxAge;
    assert.equal(cache, "default", "who demands validation gets it");
    assert.ok(!allowed.noStore && !allowed.noCache, `${text} was used although ${format(allowed)}`);
    if (staleS < 0) return;
    assert.ok(
      staleS < allowed.whileRevalidate || (isOut && staleS <= allowed.ifError && !allowed.mustRevalidate),
      `${text} was used ${staleS} s after its time although ${format(allowed)}`,
    );
  }
}

function format(allowed: Policy): string {
  const directives = [
    `max-age=${allowed.maxAge}`,
    `stale-while-revalidate=${allowed.whileRevalidate}`,
    `stale-if-error=${allowed.ifError}`,
    ...(allowed.noStore ? ["no-store"] : []),
    ...(allowed.noCache ? ["no-cache"] : []),
    ...(allowed.mustRevalidate ? ["must-revalidate"] : []),
  ];
  return directives.join(", ");
}
