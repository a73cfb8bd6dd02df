import { once } from "node:events";
import { connect, type Socket } from "node:net";

/** A reply as it came over the wire. */
export interface WireReply {
  readonly status: number;
  readonly head: string;
  readonly content: Buffer;
}

/** A connection that sends bytes and reads whole replies; it is opened again when the server has ended it. */
export class WireConnection {
  readonly #port: number;
  #socket: Socket | undefined;
  #received: Buffer = Buffer.alloc(0);
  #wake: () => void = () => {};
  #isEnded = true;

  constructor(port: number) {
    this.#port = port;
  }

  /** Sends a request and reads its reply. `undefined`: the server ended the connection first. */
  async exchange(bytes: Buffer, method: string): Promise<WireReply | undefined> {
    for (let attempt = 0; ; attempt++) {
      const isFresh = this.#isEnded;
      const socket = this.#isEnded ? await this.#open() : this.#socket!;
      socket.write(bytes);
      const reply = await this.#read(method);
      // A kept connection may have been ended before the request came.
      if (reply !== undefined || isFresh || attempt > 0) return reply;
    }
  }

  /** Sends bytes and our end, on a connection of their own; answers all that came back. */
  async flood(bytes: Buffer): Promise<Buffer> {
    const socket = connect({ port: this.#port, host: "127.0.0.1", allowHalfOpen: false });
    socket.on("error", () => {});
    const chunks: Buffer[] = [];
    socket.on("data", (chunk: Buffer) => chunks.push(chunk));
    socket.setTimeout(PATIENCE_MS, () => socket.destroy(new Error("the server neither answers nor ends")));
    socket.end(bytes);
    if (!socket.destroyed) await once(socket, "close").catch(() => {});
    return Buffer.concat(chunks);
  }

  close(): void {
    this.#socket?.destroy();
  }

  async #open(): Promise<Socket> {
    this.#received = Buffer.alloc(0);
    this.#isEnded = false;
    const socket = connect({ port: this.#port, host: "127.0.0.1", noDelay: true });
    this.#socket = socket;
    const ended = (): void => {
      if (this.#socket !== socket) return;
      this.#isEnded = true;
      this.#wake();
    };
    socket.on("data", (chunk: Buffer) => {
      this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
      this.#wake();
    });
    socket.on("error", ended).on("close", ended).on("end", ended);
    return socket;
  }

  async #read(method: string): Promise<WireReply | undefined> {
    for (;;) {
      const head = await this.#take(() => {
        const end = this.#received.indexOf("\r\n\r\n");
        return end === -1 ? undefined : end + 4;
      });
      if (head === undefined) return undefined;
      const text = head.toString("latin1");
      const status = Number(text.slice(9, 12));
      if (status < 200) continue;
      const content = await this.#content(text, status, method);
      if (/\r\nconnection: close/i.test(text)) {
        this.#isEnded = true;
        this.#socket?.destroy();
      }
      return content === undefined ? undefined : { status, head: text, content };
    }
  }

  async #content(head: string, status: number, method: string): Promise<Buffer | undefined> {
    if (method === "HEAD" || status === 204 || status === 304) return Buffer.alloc(0);
    const length = /\r\ncontent-length: (\d+)/i.exec(head)?.[1];
    if (length !== undefined)
      return this.#take(() => (this.#received.length >= Number(length) ? Number(length) : undefined));
    if (!/\r\ntransfer-encoding: chunked/i.test(head)) throw new Error(`no framing: ${head}`);
    const pieces: Buffer[] = [];
    for (;;) {
      const line = await this.#take(() => {
        const end = this.#received.indexOf("\r\n");
        return end === -1 ? undefined : end + 2;
      });
      if (line === undefined) return undefined;
      const size = Number.parseInt(line.toString("latin1"), 16);
      const piece = await this.#take(() => (this.#received.length >= size + 2 ? size + 2 : undefined));
      if (piece === undefined) return undefined;
      if (size === 0) return Buffer.concat(pieces);
      pieces.push(piece.subarray(0, size));
    }
  }

  /** Takes so many bytes as `find` says, once it does; `undefined` when the connection ends before. */
  async #take(find: () => number | undefined): Promise<Buffer | undefined> {
    for (;;) {
      const end = find();
      if (end !== undefined) {
        const taken = this.#received.subarray(0, end);
        this.#received = this.#received.subarray(end);
        return taken;
      }
      if (this.#isEnded) return undefined;
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const timer = setTimeout(() => reject(new Error("no reply")), PATIENCE_MS);
      this.#wake = resolve;
      await promise.finally(() => clearTimeout(timer));
    }
  }
}

/** A request that is not answered by then hangs. */
const PATIENCE_MS = 30_000;
