import type { Socket } from "node:net";

/** Tells HTTP/2 by prior knowledge from HTTP/1.1 on one port. */
export interface ProtocolGate {
  /** Waits for the first bytes of a new connection, then hands it on with those bytes unread. */
  accept(socket: Socket): void;
  /** Drops connections that have not said anything yet. */
  close(): void;
}

/**
 * A gate for cleartext connections. The connection preface (RFC 9113 section 3.4) tells HTTP/2 by its first bytes;
 * anything that differs from it is HTTP/1.1's to judge. Costs one look per connection and nothing per request: once
 * handed on, Node's parser reads the socket natively. Connections that stay silent for `timeoutMs` are closed.
 */
export function createProtocolGate(options: {
  readonly timeoutMs: number;
  readonly http1: (socket: Socket) => void;
  readonly http2: (socket: Socket) => void;
}): ProtocolGate {
  const waiting = new Set<Socket>();
  return {
    accept(socket) {
      waiting.add(socket);
      let held: Buffer | undefined;
      const timer = setTimeout(() => socket.destroy(), options.timeoutMs);
      const leave = (): void => {
        clearTimeout(timer);
        waiting.delete(socket);
        socket.off("data", onData).off("end", onEnd).off("close", leave).off("error", ignore);
      };
      const onData = (chunk: Buffer): void => {
        const bytes = held === undefined ? chunk : Buffer.concat([held, chunk]);
        const verdict = judge(bytes);
        if (verdict === "undecided") {
          held = bytes;
          return;
        }
        leave();
        if (verdict === "http1") {
          options.http1(socket);
          // To Node's parser, which reads what comes after by itself. Put back, they would take a way that costs as much as the connection.
          socket.emit("data", bytes);
        } else {
          // The stream must be paused while its reader changes, or the bytes put back would have nobody to go to.
          socket.pause();
          socket.unshift(bytes);
          options.http2(socket);
        }
      };
      const onEnd = (): void => {
        socket.destroy();
      };
      socket.on("data", onData).on("end", onEnd).on("close", leave).on("error", ignore);
    },
    close() {
      for (const socket of waiting) socket.destroy();
    },
  };
}

const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");

function judge(bytes: Buffer): "http1" | "http2" | "undecided" {
  if (bytes[0] !== PREFACE[0]) return "http1";
  const length = Math.min(bytes.length, PREFACE.length);
  if (PREFACE.compare(bytes, 0, length, 0, length) !== 0) return "http1";
  return length === PREFACE.length ? "http2" : "undecided";
}

function ignore(): void {}
