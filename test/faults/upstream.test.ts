// What clients see while the way to an upstream is disturbed, over HTTP/1.1 and HTTP/2.
import assert from "node:assert/strict";
import { createServer as createHttp2Server } from "node:http2";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { upstream } from "../../src/server/define-api.ts";
import { defer, type TestScope } from "../support/defer.ts";
import { startFaultProxy, through } from "../support/fault-proxy.ts";
import { type Answer, type ServedApi, serveSources } from "../support/server.ts";
import { describeFailures, DISTURBANCES, load, type Question, recovered } from "./load.ts";

const STREAM_BYTES = 10_000;
const TIMEOUTS = { connect: "500ms", head: "1500ms", idle: "1500ms", total: "4s", wait: "1s" };
const LONGEST_MS = 4000 + 15_000;

for (const protocol of ["http1", "http2"] as const) {
  for (const { name, begin, isTotal = false } of DISTURBANCES) {
    test(`the way to an upstream (${protocol}) is ${name}: replies are right, coded, or visibly broken off`, async (t) => {
      const { port, received } = await startOrigin(t, protocol);
      const proxy = await startFaultProxy(t, port);
      const origin = through(`http://127.0.0.1:${port}`, proxy);
      const api = await serveSources(
        t,
        {
          "/": upstream(origin, {
            protocol,
            timeout: TIMEOUTS,
            maxInFlight: 8,
            limits: { bufferBytes: 1000 },
            health: { ejection: "100ms", maxEjection: "200ms" },
          }),
        },
        { cache: { enabled: false }, compression: { enabled: false } },
      );
      const posts = createPosts(api);
      const questions = [get(api, "/small"), get(api, "/small?2"), stream(api), posts.question];
      await recovered(questions, "before");
      begin(proxy);
      const { right, failed, wrong, slowestMs } = await load(questions, {
        rounds: isTotal ? 2 : 10,
        clients: 8,
        mayBreak: ({ label }) => label === STREAM,
      });
      t.diagnostic(`${right} right, failed: ${describeFailures(failed)}; slowest ${Math.round(slowestMs)} ms`);
      assert.deepEqual(wrong, []);
      assert.ok(slowestMs < LONGEST_MS, `${slowestMs} ms`);
      assert.ok(isTotal || right > 0, "something gets through");
      proxy.heal();
      await recovered(questions, "after");
      assert.match(await api.metrics(), /^hotpath_upstream_in_flight\{[^}]*\} 0$/m);
      // Nothing that is not safe to repeat was repeated.
      for (const [token, times] of received) assert.equal(times, 1, token);
      for (const token of posts.acknowledged) assert.ok(received.has(token), token);
    });
  }
}

const STREAM = "a stream";
/** A connection that is broken off after the last byte of one reply is not to be met by the next request. */
const ALONE = { connection: "close" };

function get(api: ServedApi, path: string): Question {
  return {
    label: path,
    ask: () => api.get(path, ALONE),
    judge: ({ status, text }) => (status === 200 && text === `hello ${path}` ? undefined : `${status} ${text}`),
  };
}

function stream(api: ServedApi): Question {
  return {
    label: STREAM,
    ask: () => api.get("/stream", ALONE),
    judge: ({ status, bytes }) =>
      status === 200 && bytes.equals(CONTENT) ? undefined : `${status}, ${bytes.length} bytes`,
  };
}

function createPosts(api: ServedApi): { question: Question; acknowledged: ReadonlySet<string> } {
  let sent = 0;
  const acknowledged = new Set<string>();
  return {
    acknowledged,
    question: {
      label: "a post",
      async ask(): Promise<Answer> {
        const token = `token ${sent++}`;
        const answer = await api.send("POST", "/post", ALONE, token);
        if (answer.status === 200) acknowledged.add(token);
        return answer;
      },
      judge: ({ status, text }) => (status === 200 && text === "noted" ? undefined : `${status} ${text}`),
    },
  };
}

const CONTENT = Buffer.from(Array.from({ length: STREAM_BYTES }, (_, at) => at % 251));

async function startOrigin(
  t: TestScope,
  protocol: "http1" | "http2",
): Promise<{ port: number; received: ReadonlyMap<string, number> }> {
  const received = new Map<string, number>();
  const answer = (message: IncomingMessage, response: ServerResponse): void => {
    const { method, url } = message;
    const small = method === "POST" ? "noted" : `hello ${url}`;
    // One of unknown length cannot be waited for: it is passed on as it comes.
    response.setHeader("content-length", url === "/stream" ? STREAM_BYTES : small.length);
    if (method === "POST") {
      let token = "";
      message.on("data", (chunk: Buffer) => (token += chunk.toString()));
      message.on("end", () => {
        received.set(token, (received.get(token) ?? 0) + 1);
        response.end(small);
      });
    } else if (url === "/stream") {
      response.end(CONTENT);
    } else {
      response.end(small);
    }
  };
  const handler = answer as Parameters<typeof createHttp2Server>[1] & typeof answer;
  const server = protocol === "http1" ? createServer(answer) : createHttp2Server(handler);
  const sockets = new Set<{ destroy(): void }>();
  server.on("connection", (socket: { destroy(): void }) => sockets.add(socket));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  defer(t, () => {
    for (const socket of sockets) socket.destroy();
    return new Promise((resolve) => server.close(() => resolve()));
  });
  return { port: (server.address() as AddressInfo).port, received };
}
