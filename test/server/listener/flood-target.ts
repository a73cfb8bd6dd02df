// A listener in a process of its own, so that what floods cost it can be measured: "memory" is answered after a collection.
import { createListener } from "../../../src/server/listener/index.ts";

const log = { debug() {}, info() {}, warn() {}, error() {} };
const large = Buffer.alloc(1024 * 1024, "x");
const listener = createListener(
  {
    listen: { host: "127.0.0.1", port: 0 },
    headersTimeoutMs: 2000,
    requestTimeoutMs: 4000,
    keepAliveTimeoutMs: 2000,
    replyStallTimeoutMs: 1000,
  },
  async (request) => {
    if (request.path === "/large") return { status: 200, headers: {}, body: large };
    if (request.path === "/content") for await (const _ of request.body);
    return { status: 200, headers: { "content-type": "text/plain" }, body: "ok" };
  },
  log,
);
const { port } = await listener.listen();
process.on("message", () => {
  globalThis.gc?.();
  const { heapUsed, external, rss } = process.memoryUsage();
  process.send?.({ bytes: heapUsed + external, rss, connections: listener.connections().open });
});
process.on("disconnect", () => process.exit(0));
process.send?.({ port });
