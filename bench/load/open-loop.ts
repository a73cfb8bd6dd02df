import { connect, type Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";

/** Load that comes by itself: requests are sent when they are due, whether others have been answered or not. */
export interface OpenLoad {
  readonly port: number;
  /** Cycled through in this order. */
  readonly paths: readonly string[];
  /** Mean of a Poisson process. */
  readonly perSecond: number;
  readonly seconds: number;
  /** What is sent in the first seconds is load, but not looked at. */
  readonly rampSeconds: number;
  readonly signal: AbortSignal;
}

/** One request that was due after the ramp. */
export interface OpenReply {
  /** 0: none came before all was over. */
  readonly status: number;
  /** From when it was due. */
  readonly latencyMs: number;
}

export interface OpenResult {
  readonly replies: readonly OpenReply[];
  readonly seconds: number;
  /** How late requests were sent. */
  readonly lateness: readonly number[];
}

/** More are not opened: whoever keeps so many waiting serves nobody. */
const MAX_CONNECTIONS = 5000;
/** What has not come then does not count as served. */
const PATIENCE_MS = 10_000;

/**
 * Sends requests over as many keep-alive connections as it takes, one at a time on each. Latency counts from when a request was due, so that
 * a server that is slow does not get away with being asked less (coordinated omission).
 */
export async function loadOpenly(load: OpenLoad): Promise<OpenResult> {
  const { paths, perSecond, rampSeconds, seconds, signal } = load;
  const messages = paths.map((path) => Buffer.from(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`));
  const dueMs = arrivals(perSecond, rampSeconds + seconds);
  const idle: Connection[] = [];
  const all = new Set<Connection>();
  const replies: OpenReply[] = [];
  const lateness: number[] = [];
  const startedMs = performance.now() + 100;
  /** By when they were due. */
  const outstanding = new Set<number>();
  let isOver = false;

  const open = (): Connection | undefined => {
    if (all.size >= MAX_CONNECTIONS) return undefined;
    const connection: Connection = new Connection(load.port, (due, status) => {
      if (connection.isOpen) idle.push(connection);
      else all.delete(connection);
      if (due !== undefined) ended(due, status);
    });
    all.add(connection);
    return connection;
  };
  const ended = (due: number, status: number): void => {
    outstanding.delete(due);
    if (!isOver && due >= rampSeconds * 1000) {
      replies.push({ status, latencyMs: performance.now() - startedMs - due });
    }
  };

  for (const [at, due] of dueMs.entries()) {
    while (performance.now() - startedMs < due) await pause(1);
    const message = messages[at % messages.length];
    if (signal.aborted || message === undefined) break;
    if (due >= rampSeconds * 1000) lateness.push(performance.now() - startedMs - due);
    outstanding.add(due);
    let connection = idle.pop();
    while (connection?.isOpen === false) connection = idle.pop();
    connection ??= open();
    if (connection === undefined) ended(due, 0);
    else connection.send(message, due);
  }
  const patientUntil = performance.now() + PATIENCE_MS;
  while (outstanding.size > 0 && performance.now() < patientUntil) await pause(10);
  isOver = true;
  for (const due of outstanding) if (due >= rampSeconds * 1000) replies.push({ status: 0, latencyMs: PATIENCE_MS });
  for (const connection of all) connection.destroy();
  signal.throwIfAborted();
  return { replies, seconds, lateness };
}

/** When requests are due, in milliseconds: the same for every contestant. */
function arrivals(perSecond: number, seconds: number): number[] {
  const due: number[] = [];
  let state = 0x2545f491;
  for (let atMs = 0; ;) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    atMs -= (Math.log(((state >>> 0) + 1) / 2 ** 32) * 1000) / perSecond;
    if (atMs >= seconds * 1000) return due;
    due.push(atMs);
  }
}

/** Takes in replies that state their length. */
class Connection {
  isOpen = true;
  /** When the request was due that is under way. */
  #due: number | undefined;
  readonly #socket: Socket;
  readonly #ended: (due: number | undefined, status: number) => void;
  #status = 0;
  #left = -1;
  #head = "";

  constructor(port: number, ended: (due: number | undefined, status: number) => void) {
    this.#ended = ended;
    this.#socket = connect({ port, host: "127.0.0.1", noDelay: true });
    this.#socket.on("data", (chunk: Buffer) => this.#receive(chunk));
    this.#socket.on("error", () => undefined);
    this.#socket.on("close", () => {
      this.isOpen = false;
      this.#finish(0);
    });
  }

  send(message: Buffer, due: number): void {
    this.#due = due;
    this.#socket.write(message);
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #receive(chunk: Buffer): void {
    let length = chunk.length;
    if (this.#left === -1) {
      this.#head += chunk.toString("latin1");
      const end = this.#head.indexOf("\r\n\r\n");
      if (end === -1) return;
      const stated = /\r\ncontent-length: (\d+)/i.exec(this.#head);
      if (stated === null) throw new Error(`no Content-Length in ${this.#head}`);
      this.#status = Number(this.#head.slice(9, 12));
      this.#left = Number(stated[1]);
      length = this.#head.length - end - 4;
    }
    this.#left -= length;
    if (this.#left > 0) return;
    this.#head = "";
    this.#left = -1;
    this.#finish(this.#status);
  }

  #finish(status: number): void {
    const due = this.#due;
    this.#due = undefined;
    this.#ended(due, status);
  }
}
