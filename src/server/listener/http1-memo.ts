import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { ReplyMemo } from "../../http/message.ts";
import { joinReply, type WholeReply } from "./http1-whole.ts";

/**
 * The request memo: answers a request that is, byte for byte, one that was answered before, without parsing it.
 *
 * Only bytes that Node's own parser has accepted as exactly one request without content are remembered, together with the
 * bytes of the reply. They are recognised only when they arrive as one chunk on a connection whose parser is known to be
 * between two requests and whose last reply is through. So there is no second parser, and nothing it could read
 * otherwise than the first. Same bytes means same target, same fields, same credentials.
 *
 * A remembered reply lives until anything in it would read differently (at most until the clock's next second, because of
 * `Date`), and dies at once with what it was made from. Connections that never had such a reply are left alone: their
 * sockets stay with Node's native reader.
 */
export interface RequestMemo {
  /** Follows a request that Node's parser has emitted; tells by which bytes, if any, its reply may be remembered. */
  observe(message: IncomingMessage, response: ServerResponse): MemoTicket | undefined;
  /** Remembers a reply that has just been written whole, when it may be and its request has come before. */
  remember(socket: Socket, ticket: MemoTicket | undefined, memo: ReplyMemo, whole: WholeReply): void;
  /** Follows a request that was answered while the parser was still at its bytes, and remembers its reply where that has a memo. */
  passed(message: IncomingMessage, memo: ReplyMemo | undefined, whole: WholeReply): void;
  readonly stats: MemoStats;
}

/** A request's bytes, once it is certain that they were one request. */
export interface MemoTicket {
  readonly watch: ConnectionWatch;
  readonly chunk: number;
  readonly key: string;
}

export interface MemoStats {
  hits: number;
  entries: number;
  bytes: number;
}

export interface MemoSettings {
  /** Bound on all remembered requests and replies. 0 switches the memo off. */
  readonly maxBytes: number;
  /** While true nothing is answered from memory: replies must ask their clients to leave. */
  readonly isClosing: () => boolean;
  readonly now?: () => number;
}

interface Entry {
  readonly bytes: Buffer;
  readonly memo: ReplyMemo;
  readonly untilMs: number;
  readonly size: number;
}

/** Longer requests and replies gain too little. */
const MAX_REQUEST_BYTES = 4096;
const MAX_REPLY_BYTES = 64 * 1024;
/** What an entry costs beside its bytes. */
const ENTRY_OVERHEAD_BYTES = 300;
/** Requests seen once, of which the memo takes those that come again. */
const MAX_SEEN = 20_000;
const SECOND_MS = 1000;

export function createRequestMemo(settings: MemoSettings): RequestMemo {
  return new Memo(settings);
}

class Memo implements RequestMemo {
  readonly stats: MemoStats = { hits: 0, entries: 0, bytes: 0 };
  readonly #settings: MemoSettings;
  readonly #now: () => number;
  readonly #entries = new Map<string, Entry>();
  readonly #seen = new Set<string>();

  constructor(settings: MemoSettings) {
    this.#settings = settings;
    this.#now = settings.now ?? Date.now;
  }

  observe(message: IncomingMessage, response: ServerResponse): MemoTicket | undefined {
    const watch = watches.get(message.socket);
    if (watch === undefined) return undefined;
    return watch.observe(message, response);
  }

  remember(socket: Socket, ticket: MemoTicket | undefined, memo: ReplyMemo, whole: WholeReply): void {
    if (ticket === undefined) this.#watch(socket);
    else if (ticket.watch.isWhole(ticket)) this.store(ticket.key, memo, whole);
  }

  passed(message: IncomingMessage, memo: ReplyMemo | undefined, whole: WholeReply): void {
    const watch = watches.get(message.socket);
    if (watch !== undefined) watch.pass(message, memo, whole);
    // Not while Node's parser is reading the socket natively: it is taken off it by this.
    else if (memo !== undefined) queueMicrotask(() => this.#watch(message.socket));
  }

  /** From the first such reply on its connection its bytes are looked at. */
  #watch(socket: Socket): void {
    if (this.#settings.maxBytes === 0 || socket.destroyed || watches.has(socket)) return;
    watches.set(socket, new ConnectionWatch(socket, this));
  }

  /** The bytes to answer with, or undefined. */
  recall(key: string, socket: Socket): Buffer | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    if (this.#now() >= entry.untilMs || !entry.memo.isCurrent()) {
      this.#drop(key, entry);
      return undefined;
    }
    if (this.#settings.isClosing() || !entry.memo.repeat(socket.remoteAddress ?? "")) return undefined;
    this.stats.hits++;
    return entry.bytes;
  }

  #hasSeen(key: string): boolean {
    if (this.#seen.has(key)) return true;
    if (this.#seen.size >= MAX_SEEN) this.#seen.clear();
    this.#seen.add(key);
    return false;
  }

  store(key: string, memo: ReplyMemo, whole: WholeReply): void {
    if (!this.#hasSeen(key)) return;
    const now = this.#now();
    // `Date` is the clock's second; the reply must not outlive it.
    const untilMs = Math.min(memo.untilMs, (Math.floor(now / SECOND_MS) + 1) * SECOND_MS);
    if (untilMs <= now) return;
    const bytes = joinReply(whole);
    const size = bytes.length + key.length + ENTRY_OVERHEAD_BYTES;
    if (bytes.length > MAX_REPLY_BYTES || size > this.#settings.maxBytes) return;
    const old = this.#entries.get(key);
    if (old !== undefined) this.#drop(key, old);
    this.#makeRoom(size);
    this.#entries.set(key, { bytes, memo, untilMs, size });
    this.stats.entries++;
    this.stats.bytes += size;
  }

  /** Entries live for a second at most, so the oldest are those that are over anyway. */
  #makeRoom(size: number): void {
    for (const [key, entry] of this.#entries) {
      if (this.stats.bytes + size <= this.#settings.maxBytes && entry.untilMs > this.#now()) return;
      this.#drop(key, entry);
    }
  }

  #drop(key: string, entry: Entry): void {
    this.#entries.delete(key);
    this.stats.entries--;
    this.stats.bytes -= entry.size;
  }
}

const watches = new WeakMap<Socket, ConnectionWatch>();
const HEAD_END = "\r\n\r\n";

/** Follows the bytes of one connection. */
class ConnectionWatch {
  readonly #socket: Socket;
  readonly #memo: Memo;
  readonly #parse: readonly ((chunk: Buffer) => void)[];
  /** Requests whose reply is not through yet. */
  #active = 0;
  /** The parser is between two requests: everything it was given made up whole ones. */
  #isIdle = false;
  #chunk = 0;
  #key: string | undefined;
  #emitted = 0;
  #last: IncomingMessage | undefined;
  /** The last was answered while the parser was still at the chunk, which then does not say that it is complete. */
  #isPassed = false;
  /** The reply to it, if it may be given again. */
  #early: { readonly memo: ReplyMemo; readonly whole: WholeReply } | undefined;
  /** The chunk that turned out to be exactly one whole request. */
  #wholeChunk = -1;

  constructor(socket: Socket, memo: Memo) {
    this.#socket = socket;
    this.#memo = memo;
    this.#parse = socket.listeners("data") as ((chunk: Buffer) => void)[];
    for (const listener of this.#parse) socket.off("data", listener);
    // Node takes its native reader off the socket when a listener for data is added.
    socket.on("data", this.#onData);
  }

  /** Called while the parser works on a chunk: a request has come out of it. */
  observe(message: IncomingMessage, response: ServerResponse): MemoTicket | undefined {
    this.#emitted++;
    this.#last = message;
    this.#isPassed = false;
    this.#active++;
    response.once("close", () => {
      this.#active--;
    });
    const key = this.#key;
    return key === undefined || this.#emitted > 1 ? undefined : { watch: this, chunk: this.#chunk, key };
  }

  /** As `observe`, for a request that is answered already. */
  pass(message: IncomingMessage, memo: ReplyMemo | undefined, whole: WholeReply): void {
    this.#emitted++;
    this.#last = message;
    this.#isPassed = true;
    this.#early = memo === undefined ? undefined : { memo, whole };
  }

  /** Whether the ticket's chunk held its request, all of it and nothing else. */
  isWhole(ticket: MemoTicket): boolean {
    return this.#wholeChunk === ticket.chunk;
  }

  readonly #onData = (chunk: Buffer): void => {
    const socket = this.#socket;
    const key =
      this.#isIdle && this.#active === 0 && chunk.length <= MAX_REQUEST_BYTES ? chunk.toString("latin1") : undefined;
    if (key !== undefined && socket.writableLength === 0) {
      const bytes = this.#memo.recall(key, socket);
      if (bytes !== undefined) {
        socket.write(bytes);
        return;
      }
    }
    this.#passOn(chunk, key);
  };

  #passOn(chunk: Buffer, key: string | undefined): void {
    this.#chunk++;
    this.#key = key;
    this.#emitted = 0;
    this.#last = undefined;
    this.#isPassed = false;
    this.#early = undefined;
    for (const listener of this.#parse) listener.call(this.#socket, chunk);
    const last = this.#last as IncomingMessage | undefined;
    // A request without content ends with its head: a chunk that ends there too leaves nothing half read.
    this.#isIdle =
      this.#emitted === 1 &&
      last !== undefined &&
      (last.complete || this.#isPassed) &&
      isWithoutContent(last) &&
      endsHead(chunk);
    if (this.#isIdle && key !== undefined) {
      this.#wholeChunk = this.#chunk;
      const early = this.#early as { memo: ReplyMemo; whole: WholeReply } | undefined;
      if (early !== undefined) this.#memo.store(key, early.memo, early.whole);
    }
    this.#key = undefined;
    // Handed over to another protocol: its bytes are none of ours.
    if ((this.#socket as Socket & { parser?: unknown }).parser === null) this.#socket.off("data", this.#onData);
  }
}

function isWithoutContent({ headers }: IncomingMessage): boolean {
  return headers["content-length"] === undefined && headers["transfer-encoding"] === undefined;
}

function endsHead(chunk: Buffer): boolean {
  return chunk.length >= HEAD_END.length && chunk.toString("latin1", chunk.length - HEAD_END.length) === HEAD_END;
}
