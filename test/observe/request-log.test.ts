import assert from "node:assert/strict";
import { test } from "node:test";
import { type ApiDefinition, resolveDefinition } from "../../src/api/definition.ts";
import type { Source } from "../../src/api/source.ts";
import { createLog } from "../../src/observe/log.ts";
import { startServer } from "../../src/server/start.ts";
import { loadSourceFactories } from "../../src/server/source-factories.ts";
import { defer } from "../support/defer.ts";

const ID = "4bf92f3577b34da6a3ce929d0e0e4736";

await test("slow and failed requests are logged whatever is asked for, each with its trace", async (t) => {
  const lines: Record<string, unknown>[] = [];
  const log = createLog({ destination: { write: (line) => void lines.push(JSON.parse(line) as never) } });
  const source: Source = {
    name: "slow",
    isCacheable: false,
    async resolve({ path }) {
      if (path === "/fails") throw new Error("broken");
      const until = performance.now() + (path === "/slow" ? 5 : 0);
      while (performance.now() < until) await new Promise((resolve) => setImmediate(resolve));
      return { status: 200, headers: {}, body: "" };
    },
  };
  const definition: ApiDefinition = {
    options: { server: { port: 0 }, admin: { port: 0 }, log: { requests: "none" }, observe: { slow: "5ms" } },
    sources: { "/": source },
  };
  const server = await startServer(resolveDefinition(definition, {}, await loadSourceFactories(definition)), log);
  defer(t, () => server.close());
  const headers = { traceparent: `00-${ID}-00f067aa0ba902b7-00` };
  await fetch(`${server.url}/slow?secret=1`, { headers });
  await fetch(`${server.url}/fails`, { headers });
  const slow = lines.find(({ path, msg }) => path === "/slow" && msg === "request");
  assert.equal(slow?.["trace_id"], ID);
  assert.ok(Number(slow?.["ms"]) >= 5);
  const failed = lines.find(({ path, msg }) => path === "/fails" && msg === "a source failed");
  assert.equal(failed?.["trace_id"], ID);
  assert.ok(!JSON.stringify(lines).includes("secret"));
});
