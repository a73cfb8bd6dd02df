import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, createServer as createTcpServer, type Socket } from "node:net";
import type { ServerOptions, UpstreamOptions } from "../../src/api/option-types.ts";
import { upstream } from "../../src/server/define-api.ts";
import { defer, type TestScope } from "../support/defer.ts";
import { type ServedApi, serveSources } from "../support/server.ts";

/** hotpath, without its cache, in front of an address. */
export async function serveUpstream(
  t: TestScope,
  url: string,
  options: UpstreamOptions = {},
  server: ServerOptions & { readonly base?: string } = {},
): Promise<ServedApi> {
  const { base = "/", ...serverOptions } = server;
  return serveSources(t, { [base]: upstream(url, options) }, { cache: { enabled: false }, ...serverOptions });
}

/** A `node:http` server on a free port. */
export async function startOrigin(t: TestScope, handle: RequestListener): Promise<{ url: string; server: Server }> {
  const server = createServer(handle);
  const url = await listen(t, server);
  return { url, server };
}

/** A TCP server on a free port that does what it likes with each connection. */
export async function startScript(
  t: TestScope,
  script: (socket: Socket, connection: number) => void,
): Promise<{ url: string; connections: () => number }> {
  let connections = 0;
  const server = createTcpServer((socket) => {
    connections += 1;
    socket.on("error", () => {});
    script(socket, connections);
  });
  const url = await listen(t, server);
  return { url, connections: () => connections };
}

/** Answers each request that a connection brings with the same bytes. Requests have no content. */
export function answering(bytes: string | Buffer, then: (socket: Socket) => void = () => {}): (socket: Socket) => void {
  return (socket) => {
    let received = "";
    socket.setEncoding("latin1");
    socket.on("data", (chunk: string) => {
      received += chunk;
      const end = received.indexOf("\r\n\r\n");
      if (end === -1) return;
      received = received.slice(end + 4);
      socket.write(bytes, "latin1", () => then(socket));
    });
  };
}

/** Answers with what was received, as JSON: method, target, raw header fields, content. */
export function echo(message: IncomingMessage, response: ServerResponse): void {
  const chunks: Buffer[] = [];
  message.on("data", (chunk: Buffer) => chunks.push(chunk));
  message.on("end", () => {
    const { method, url, rawHeaders, headers } = message;
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ method, url, rawHeaders, headers, body: Buffer.concat(chunks).toString("latin1") }));
  });
}

/** What `echo` answers. */
export interface Echo {
  readonly method: string;
  readonly url: string;
  readonly rawHeaders: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** A port that nobody listens on. */
export async function closedPort(): Promise<number> {
  const server = createTcpServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function listen(t: TestScope, server: Server | ReturnType<typeof createTcpServer>): Promise<string> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  defer(t, () => {
    for (const socket of sockets) socket.destroy();
    return new Promise((resolve) => server.close(() => resolve()));
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
