import assert from "node:assert/strict";
import { describe, test, type TestContext } from "node:test";
import { startHotpath } from "../cli/run-hotpath.ts";
import { defer } from "../support/defer.ts";
import { testDatabase } from "../support/postgres.ts";
import { startTraceReceiver, type ReceivedSpan } from "../support/trace-receiver.ts";

const SHOP = `
  create table films (id int primary key, title text);
  insert into films values (1, 'Alien'), (2, 'Brazil');
  create view seen as select current_query() as text;
  create function fail() returns int language plpgsql as $$ begin raise exception 'broken' using errcode = 'XX000'; end $$;
`;
const CLIENT = { traceId: "4bf92f3577b34da6a3ce929d0e0e4736", spanId: "00f067aa0ba902b7" };
const SAMPLED = `00-${CLIENT.traceId}-${CLIENT.spanId}-01`;
const UNSAMPLED = `00-${CLIENT.traceId}-${CLIENT.spanId}-00`;

describe("traces by OTLP", { concurrency: 4 }, () => {
  test("client, gateway, upstream and statement are one tree", async (t) => {
    const receiver = await startTraceReceiver(t);
    const database = await testDatabase(t, { sql: SHOP });
    const exporting = { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url, OTEL_BSP_SCHEDULE_DELAY: "50" };
    // Whether the cache is in use yet would depend on when changes are followed.
    const shop = await start(t, ["serve", database, "--no-query-cache"], { ...exporting, OTEL_SERVICE_NAME: "shop" });
    const gateway = await start(t, ["serve", shop], {
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.grpcUrl,
      OTEL_EXPORTER_OTLP_PROTOCOL: "grpc",
      OTEL_BSP_SCHEDULE_DELAY: "50",
      OTEL_SERVICE_NAME: "gateway",
    });
    const reply = await fetch(`${gateway}/films?id=eq.1&title=like.A*`, { headers: { traceparent: SAMPLED } });
    assert.deepEqual(await reply.json(), [{ id: 1, title: "Alien" }]);
    await receiver.until((spans) => spans.some(({ kind, service }) => service === "shop" && kind === 3));
    await receiver.until((spans) => spans.some(({ kind, service }) => service === "gateway" && kind === 3));
    const spans = [...receiver.spans];
    assert.ok(spans.every(({ traceId }) => traceId === CLIENT.traceId));
    assert.deepEqual(pathTo(spans, "SELECT films"), [
      "client",
      "gateway: GET /",
      "gateway: cache",
      "gateway: GET",
      "shop: GET /films",
      "shop: SELECT films",
    ]);
    for (const span of spans) {
      const parent = spans.find(({ spanId }) => spanId === span.parentId);
      if (parent === undefined || parent.service !== span.service) continue;
      assert.ok(span.startNs >= parent.startNs && span.endNs <= parent.endNs, `${span.name} within ${parent.name}`);
    }
    const statement = spans.find(({ name }) => name === "SELECT films");
    assert.match(statement?.attributes["db.query.text"] ?? "", /\$1/);
    const told = JSON.stringify(spans, (_key, value: unknown) => (typeof value === "bigint" ? String(value) : value));
    assert.ok(!told.includes("Alien") && !told.includes("like.A"), "no value of a request is told");
    const root = spans.find(({ name }) => name === "GET /films");
    assert.equal(root?.attributes["http.route"], "/films");
    assert.equal(root?.attributes["http.response.status_code"], "200");
  });

  test("requests of a batch are below it; what is not sampled and goes well is not told; failures always are", async (t) => {
    const receiver = await startTraceReceiver(t);
    const database = await testDatabase(t, { sql: SHOP });
    const shop = await start(t, ["serve", database], {
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      OTEL_BSP_SCHEDULE_DELAY: "50",
    });
    await fetch(`${shop}/seen`, { headers: { traceparent: UNSAMPLED } });
    const failed = await fetch(`${shop}/rpc/fail`, { method: "POST", headers: { traceparent: UNSAMPLED } });
    assert.equal(failed.status, 500);
    const requests = [{ path: "/films/1" }, { path: "/films/2" }];
    const headers = { traceparent: SAMPLED, "content-type": "application/json" };
    await fetch(`${shop}/batch`, { method: "POST", headers, body: JSON.stringify({ requests }) });
    await receiver.until((spans) => ofBatch(spans).length === 2);
    assert.ok(ofBatch(receiver.spans).every(({ kind, name }) => kind === 2 && name.startsWith("GET /films")));
    await receiver.until((spans) => spans.some(({ name }) => name === "POST /rpc/fail"));
    const names = receiver.spans.map(({ name }) => name);
    assert.ok(!names.includes("GET /seen"), "an unsampled request that went well");
    const fail = receiver.spans.find(({ name }) => name === "POST /rpc/fail");
    assert.equal(fail?.status, 2);
    assert.equal(fail?.parentId, CLIENT.spanId);
  });

  test("on request statements carry the trace, those of sampled requests only", async (t) => {
    const receiver = await startTraceReceiver(t);
    const database = await testDatabase(t, { sql: SHOP });
    const shop = await start(t, ["serve", database, "--trace-comments"], {
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      OTEL_BSP_SCHEDULE_DELAY: "50",
    });
    const textFor = async (traceparent: string): Promise<string> => {
      const reply = await fetch(`${shop}/seen`, { headers: { traceparent } });
      return ((await reply.json()) as { text: string }[])[0]?.text ?? "";
    };
    const comment = /\/\*traceparent='00-([\da-f]{32})-([\da-f]{16})-01'\*\/$/.exec(await textFor(SAMPLED));
    assert.equal(comment?.[1], CLIENT.traceId);
    await receiver.until((spans) =>
      spans.some(({ spanId, name }) => spanId === comment?.[2] && name === "SELECT seen"),
    );
    assert.doesNotMatch(await textFor(UNSAMPLED), /traceparent/);
  });
});

function ofBatch(spans: readonly ReceivedSpan[]): readonly ReceivedSpan[] {
  const batch = spans.find(({ name }) => name === "POST /batch");
  return spans.filter(({ parentId }) => batch !== undefined && parentId === batch.spanId);
}

/** Names from the client down to a span. */
function pathTo(spans: readonly ReceivedSpan[], name: string): string[] {
  const path: string[] = [];
  for (let span = spans.find((each) => each.name === name); span !== undefined;) {
    path.unshift(`${span.service}: ${span.name}`);
    const { parentId } = span;
    if (parentId === CLIENT.spanId) path.unshift("client");
    span = spans.find(({ spanId }) => spanId === parentId);
  }
  return path;
}

async function start(t: TestContext, argv: readonly string[], environment: Record<string, string>): Promise<string> {
  const { child, said, ended } = startHotpath([...argv, "--port", "0", "--admin-port", "0"], { environment });
  defer(t, async () => {
    child.kill("SIGTERM");
    await ended;
  });
  const url = await said(/(http:\/\/\S+:\d+)/);
  return url.replace(/\/$/, "");
}
