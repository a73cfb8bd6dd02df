import { Agent, type IncomingMessage, request as httpRequest } from "node:http";
import type { Source, SourceReply } from "../../src/api/source.ts";
import type { SourceRequest } from "../../src/api/source-request.ts";
import { HotpathError } from "../../src/errors.ts";
import { withoutHopByHop } from "../../src/http/hop-by-hop.ts";
import type { ReplyHeaders } from "../../src/http/message.ts";

/** The plainest source there is: sends every request on to an HTTP/1.1 server and its reply back, streamed both ways. */
export function passThrough(origin: string): Source {
  const { hostname, port } = new URL(origin);
  const agent = new Agent({ keepAlive: true, maxSockets: 256 });
  return {
    name: "pass-through",
    resolve: (request) => {
      const { promise, resolve, reject } = Promise.withResolvers<SourceReply>();
      const { host: _host, ...headers } = withoutHopByHop(request.headers);
      const outgoing = httpRequest({ agent, hostname, port, method: request.method, path: request.target, headers });
      const abort = (): void => void outgoing.destroy(new Error("the client left"));
      request.signal.addEventListener("abort", abort, { once: true });
      outgoing.on("information", ({ statusCode, rawHeaders }) => inform(request, statusCode, rawHeaders));
      outgoing.once("response", (response) => {
        request.signal.removeEventListener("abort", abort);
        resolve(toReply(response));
      });
      outgoing.on("error", (cause) => reject(new HotpathError("HP_UNAVAILABLE", "The origin failed.", { cause })));
      if (request.method === "GET" || request.method === "HEAD") outgoing.end();
      else request.body.pipe(outgoing);
      return promise;
    },
    close() {
      agent.destroy();
      return Promise.resolve();
    },
  };
}

function inform(request: SourceRequest, status: number, rawHeaders: readonly string[]): void {
  request.inform?.(status, gather(rawHeaders));
}

function toReply(response: IncomingMessage): SourceReply {
  const { statusCode = 502, statusMessage = "", rawHeaders } = response;
  return {
    status: statusCode,
    statusText: statusMessage,
    headers: withoutHopByHop(gather(rawHeaders)),
    body: response,
  };
}

/** Lines of one name as a list, so that two `Expires` stay two. */
function gather(rawHeaders: readonly string[]): ReplyHeaders {
  const headers: ReplyHeaders = {};
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = (rawHeaders[at] ?? "").toLowerCase();
    const value = rawHeaders[at + 1] ?? "";
    const before = headers[name];
    headers[name] = before === undefined ? value : [...(typeof before === "string" ? [before] : before), value];
  }
  return headers;
}
