import { type ConnectionOptions, connect, type TLSSocket } from "node:tls";
import { LoadFailure, toFailure } from "./failure.ts";
import type { Target } from "./target.ts";

/** A TLS socket that is agreed on a protocol, and how long that took. */
export interface SecuredSocket {
  readonly socket: TLSSocket;
  /** On the clock of `performance.now()`. */
  readonly startedAt: number;
  readonly connectedAt: number;
  readonly securedAt: number;
}

/** What a connection's ends have agreed on. */
export interface TlsFacts {
  readonly version: string;
  readonly cipher: string;
}

/** TLS names hosts, never addresses. */
export function serverNameOf({ serverName }: Target): { servername?: string } {
  return /^[\d.]+$|:/.test(serverName) ? {} : { servername: serverName };
}

/** Connects to an address of a target and agrees on one of the protocols offered (ALPN); rejects with a LoadFailure. */
export async function connectTls(
  target: Target,
  address: string,
  protocols: readonly string[],
  options: ConnectionOptions,
  timeoutMs: number,
): Promise<SecuredSocket> {
  const startedAt = performance.now();
  return new Promise((resolve, reject) => {
    let connectedAt = startedAt;
    const socket = connect({
      ...options,
      ...serverNameOf(target),
      host: address,
      port: target.port,
      ALPNProtocols: [...protocols],
    });
    const timer = setTimeout(() => socket.destroy(new LoadFailure(1211, "connecting took too long")), timeoutMs);
    const failed = (error: unknown): void => {
      clearTimeout(timer);
      reject(toFailure(error));
    };
    socket.once("error", failed);
    socket.once("close", () => failed(new LoadFailure(1000, "the server closed the connection (EOF)")));
    socket.once("connect", () => (connectedAt = performance.now()));
    socket.once("secureConnect", () => {
      clearTimeout(timer);
      socket.off("error", failed);
      resolve({ socket, startedAt, connectedAt, securedAt: performance.now() });
    });
  });
}

/** Undefined where nothing is agreed on any more. */
export function tlsFactsOf(socket: TLSSocket): TlsFacts | undefined {
  const version = socket.getProtocol();
  return version === null ? undefined : { version, cipher: socket.getCipher().standardName };
}
