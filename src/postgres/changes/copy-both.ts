import type { Duplex } from "node:stream";

/** Who gets what a server sends in copy-both mode. */
export interface CopyBothReceiver {
  /** The content of a CopyData message; only its beginning where `isWhole` is false. Valid until the call returns. */
  message(content: Buffer, isWhole: boolean): void;
  /** The server has ended the mode, with an error of its own or without one. */
  ended(error: ServerError | undefined): void;
}

/** An error of the server, as far as it matters here. */
export interface ServerError {
  readonly code: string;
  readonly message: string;
}

/**
 * Reads a connection of pg from the moment its server switches to copy-both mode; until then everything goes to pg as before. To be
 * called while nothing is under way on the connection.
 *
 * pg's own reader gathers each message whole, however long a row is. Here a message above `maxBytes` is let pass, and only its
 * beginning is handed on.
 */
export function interceptCopyBoth(stream: Duplex, maxBytes: number, receiver: CopyBothReceiver): void {
  const listeners = stream.listeners("data") as ((chunk: Buffer) => void)[];
  stream.removeAllListeners("data");
  const header = Buffer.alloc(HEADER_BYTES);
  let isCopying = false;
  let headerBytes = 0;
  /** Of the message at hand. */
  let type = 0;
  let left = 0;
  let parts: Buffer[] = [];
  let kept = 0;
  let isWhole = true;

  stream.on("data", (chunk: Buffer) => {
    let at = 0;
    while (at < chunk.length) {
      if (isCopying) at = copy(chunk, at);
      else {
        const from = at;
        at = pass(chunk, at);
        for (const listener of listeners) listener(chunk.subarray(from, at));
      }
    }
  });

  /** Counts messages that are pg's to read, and stops behind the one that begins the mode. */
  function pass(chunk: Buffer, from: number): number {
    let at = from;
    while (at < chunk.length) {
      if (headerBytes < HEADER_BYTES) {
        at = readHeader(chunk, at);
        if (headerBytes < HEADER_BYTES) break;
      }
      const taken = Math.min(left, chunk.length - at);
      at += taken;
      left -= taken;
      if (left > 0) break;
      headerBytes = 0;
      if (type === COPY_BOTH) {
        isCopying = true;
        break;
      }
    }
    return at;
  }

  function copy(chunk: Buffer, from: number): number {
    let at = from;
    if (headerBytes < HEADER_BYTES) {
      at = readHeader(chunk, at);
      if (headerBytes < HEADER_BYTES) return at;
      isWhole = left <= maxBytes;
    }
    const taken = Math.min(left, chunk.length - at);
    if (taken === left && parts.length === 0 && isWhole) {
      headerBytes = 0;
      receive(chunk.subarray(at, at + taken));
      return at + taken;
    }
    const room = (isWhole ? maxBytes : BEGINNING_BYTES) - kept;
    if (room > 0 && taken > 0) {
      const part = chunk.subarray(at, at + Math.min(taken, room));
      parts.push(part);
      kept += part.length;
    }
    left -= taken;
    if (left === 0) {
      const content = Buffer.concat(parts, kept);
      parts = [];
      kept = 0;
      headerBytes = 0;
      receive(content);
    }
    return at + taken;
  }

  function readHeader(chunk: Buffer, at: number): number {
    const taken = Math.min(HEADER_BYTES - headerBytes, chunk.length - at);
    chunk.copy(header, headerBytes, at, at + taken);
    headerBytes += taken;
    if (headerBytes === HEADER_BYTES) {
      type = header[0] ?? 0;
      left = header.readUInt32BE(1) - 4;
    }
    return at + taken;
  }

  function receive(content: Buffer): void {
    if (type === COPY_DATA) receiver.message(content, isWhole);
    else if (type === ERROR) receiver.ended(readError(content));
    else if (type === COPY_DONE) receiver.ended(undefined);
  }
}

const HEADER_BYTES = 5;
/** What is kept of an overlong message: its table and some of its columns. */
const BEGINNING_BYTES = 1024;

const COPY_BOTH = 0x57;
const COPY_DATA = 0x64;
const COPY_DONE = 0x63;
const ERROR = 0x45;

/** Fields of a letter and a text each, parted by NULs. */
function readError(content: Buffer): ServerError {
  const fields = new Map(
    content
      .toString("utf8")
      .split("\0")
      .map((field) => [field.charAt(0), field.slice(1)]),
  );
  return { code: fields.get("C") ?? "", message: fields.get("M") ?? "" };
}
