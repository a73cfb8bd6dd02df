import { chmod, lstat, unlink } from "node:fs/promises";
import { connect, type Server } from "node:net";
import { HotpathError } from "../../errors.ts";
import type { ListenAddress } from "./settings.ts";

/** Where a listener really listens. */
export interface BoundAddress {
  /** IP address, or the path of the Unix socket. */
  readonly address: string;
  /** TCP port; 0 for a Unix socket. */
  readonly port: number;
  /** For people and clients, e.g. `http://127.0.0.1:3000`, or `unix:/run/hotpath.sock`. */
  readonly url: string;
}

/**
 * Starts a server on an address.
 *
 * @throws HotpathError `HP_PORT_IN_USE` when another process has it, `HP_LISTEN_FAILED` when the system refuses it.
 */
export async function bind(server: Server, at: ListenAddress, scheme: "http" | "https"): Promise<BoundAddress> {
  if ("path" in at) return bindSocketFile(server, at);
  if ("take" in at) return takeFrom(server, at);
  try {
    const { host, port, reusePort = false } = at;
    await listening(server, () => server.listen({ host, port, reusePort, backlog: BACKLOG }));
  } catch (error) {
    throw toListenError(error, at);
  }
  const bound = server.address();
  if (bound === null || typeof bound === "string") throw new HotpathError("HP_INTERNAL", "the server has no address");
  return { address: bound.address, port: bound.port, url: `${scheme}://${toUrlHost(at.host)}:${bound.port}` };
}

// The kernel caps it (net.core.somaxconn); Node's default of 511 is less than a burst of reconnecting clients needs.
const BACKLOG = 4096;
const PROBE_TIMEOUT_MS = 1000;

async function bindSocketFile(server: Server, at: Extract<ListenAddress, { path: string }>): Promise<BoundAddress> {
  const listen = (): Promise<void> => listening(server, () => server.listen({ path: at.path, backlog: BACKLOG }));
  try {
    await listen().catch(async (error: unknown) => {
      if (errorCode(error) !== "EADDRINUSE" || !(await isStale(at.path))) throw error;
      await unlink(at.path);
      await listen();
    });
    if (at.mode !== undefined) await chmod(at.path, at.mode);
  } catch (error) {
    server.close();
    throw toListenError(error, at);
  }
  return { address: at.path, port: 0, url: `unix:${at.path}` };
}

/** What `net.Server` would do for connections of its own: Node begins to watch over them, and they may be half open. */
function takeFrom(server: Server, { take, url }: Extract<ListenAddress, { take: unknown }>): BoundAddress {
  server.emit("listening");
  take((socket) => {
    socket.allowHalfOpen = true;
    server.emit("connection", socket);
  });
  return { address: "", port: 0, url };
}

function listening(server: Server, start: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (error?: Error): void => {
      server.off("error", settle).off("listening", settle);
      if (error === undefined) resolve();
      else reject(error);
    };
    server.once("error", settle).once("listening", settle);
    start();
  });
}

/** Whether a path is a socket file that nobody answers: a process left it that died. Anything else is not ours to remove. */
async function isStale(path: string): Promise<boolean> {
  // Connecting to an ordinary file is refused as well.
  if (!(await lstat(path)).isSocket()) return false;
  return new Promise((resolve) => {
    const probe = connect({ path, timeout: PROBE_TIMEOUT_MS });
    const settle = (answer: boolean): void => {
      probe.destroy();
      resolve(answer);
    };
    probe.once("connect", () => settle(false));
    probe.once("timeout", () => settle(false));
    probe.once("error", (error) => settle(errorCode(error) === "ECONNREFUSED"));
  });
}

function toListenError(error: unknown, at: OwnAddress): unknown {
  const where = "path" in at ? at.path : `port ${at.port} of ${at.host}`;
  const flag = "path" in at ? "path" : `port with ${at.portFlag ?? "--port"}`;
  switch (errorCode(error)) {
    case "EADDRINUSE":
      return new HotpathError("HP_PORT_IN_USE", `${capitalise(where)} is already in use.`, {
        cause: error,
        todo: `Stop the other program, or choose another ${flag}.`,
      });
    case "EACCES":
    case "EPERM":
      return new HotpathError("HP_LISTEN_FAILED", `This user may not listen on ${where}.`, {
        cause: error,
        todo: `Choose another ${flag}${"path" in at ? "" : " (1024 or above needs no privilege)"}.`,
      });
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
    case "EAI_AGAIN":
    case "ENOENT":
    case "EINVAL":
      return new HotpathError("HP_LISTEN_FAILED", `Cannot listen on ${where}: no such address here.`, { cause: error });
    default:
      return error;
  }
}

type OwnAddress = Exclude<ListenAddress, { take: unknown }>;

function errorCode(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}

/** A host to put into a URL that a client on this machine can open. */
function toUrlHost(host: string): string {
  if (host === "0.0.0.0" || host === "::") return "localhost";
  return host.includes(":") ? `[${host}]` : host;
}

function capitalise(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}
