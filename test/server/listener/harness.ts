import { execFile } from "node:child_process";
import { connect, type Socket } from "node:net";
import type { TestContext } from "node:test";
import { promisify } from "node:util";
import type { Log } from "../../../src/api/source.ts";
import type { HttpReply } from "../../../src/http/message.ts";
import {
  createListener,
  type Handler,
  type Listener,
  type ListenerSettings,
} from "../../../src/server/listener/index.ts";

/** A listener on a free port of 127.0.0.1, closed after its test, with the lines it logged. */
export async function startListener(
  test: Pick<TestContext, "after">,
  handle: Handler,
  settings: Partial<ListenerSettings> = {},
): Promise<{ listener: Listener; port: number; url: string; lines: LogLine[] }> {
  const lines: LogLine[] = [];
  const listener = createListener({ listen: { host: "127.0.0.1", port: 0 }, ...settings }, handle, collect(lines));
  const { port, url } = await listener.listen();
  test.after(() => listener.close({ graceMs: 0 }));
  return { listener, port, url, lines };
}

/** One line of a log. */
export interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly details: object;
}

/** A log that keeps its lines. */
export function collect(lines: LogLine[]): Log {
  const at =
    (level: string) =>
    (details: object, message: string): void => {
      lines.push({ level, message, details });
    };
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

/** A plain-text reply. */
export function text(body: HttpReply["body"], status = 200, headers: HttpReply["headers"] = {}): HttpReply {
  return { status, headers: { "content-type": "text/plain", ...headers }, body };
}

/** A TCP connection that keeps what it receives. */
export interface RawClient {
  readonly socket: Socket;
  send(bytes: string): void;
  /** Everything received so far, as latin1. */
  received(): string;
  /** Resolves with everything received once it matches; rejects when the connection ends before that. */
  until(pattern: { test(received: string): boolean }): Promise<string>;
  /** Resolves with everything received when the connection is over; `reset` tells whether by RST. */
  ended(): Promise<{ received: string; isReset: boolean }>;
}

const PATIENCE_MS = 10_000;

/** Opens a connection, from an address of this machine, and sends some bytes. */
export function rawClient(port: number, bytes = "", localAddress = "127.0.0.1"): RawClient {
  const socket = connect({ port, host: "127.0.0.1", localAddress, noDelay: true, allowHalfOpen: false });
  let received = "";
  let isReset = false;
  socket.setEncoding("latin1");
  socket.on("data", (chunk: string) => (received += chunk));
  socket.on("error", (error) => (isReset ||= "code" in error && error.code === "ECONNRESET"));
  if (bytes !== "") socket.write(bytes, "latin1");
  return {
    socket,
    send: (more) => void socket.write(more, "latin1"),
    received: () => received,
    until: (pattern) =>
      patiently(
        socket,
        () => received,
        (resolve, reject) => {
          const look = (): void => {
            if (!pattern.test(received)) return;
            socket.off("data", look).off("close", closed);
            resolve(received);
          };
          const closed = () => reject(new Error(`closed too early; received ${JSON.stringify(received)}`));
          socket.on("data", look).once("close", closed);
          look();
        },
      ),
    ended: () =>
      patiently(
        socket,
        () => received,
        (resolve) => {
          const settle = (): void => resolve({ received, isReset });
          if (socket.destroyed) settle();
          else socket.once("close", settle);
        },
      ),
  };
}

function patiently<T>(
  socket: Socket,
  received: () => string,
  start: (resolve: (value: T) => void, reject: (error: Error) => void) => void,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(new Error(`nothing came of it in time; received ${JSON.stringify(received())}`));
      socket.destroy();
    }, PATIENCE_MS);
    start(
      (value) => (clearTimeout(timer), resolve(value)),
      (error) => (clearTimeout(timer), reject(error)),
    );
  });
}

/** Sends bytes on a connection of their own and waits for its end. */
export async function exchange(port: number, bytes: string): Promise<string> {
  const { received } = await rawClient(port, bytes).ended();
  return received;
}

/** Runs curl; the reply's head and body as curl prints them with `-i`. */
export async function curl(...options: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)("curl", ["-sS", "-i", "--max-time", "10", ...options]);
  return stdout;
}

/** A promise and its settling, for tests that wait for events. */
export function signalOf<T = void>(): { promise: Promise<T>; resolve: (value: T) => void } {
  const { promise, resolve } = Promise.withResolvers<T>();
  return { promise, resolve };
}
