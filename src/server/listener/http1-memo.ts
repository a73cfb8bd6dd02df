import type { IncomingMessage } from "node:http";
import type { ReplyMemo } from "../../http/message.ts";
import { JOINED_BYTES, toKept, type WholeReply } from "./http1-whole.ts";

/**
 * The request memo: answers a request whose head is, to the letter, one that was answered before, without the walk.
 *
 * Keep-alive clients send the same bytes again and again. What Node's own parser makes of them is compared, method, target and every
 * field in their order, so there is no second parser, and nothing it could read otherwise than the first. The same head
 * means the same credentials. Asked is only for requests that the at-once way takes: without content, on a connection that
 * has nothing else on it.
 *
 * A remembered reply lives until anything in it would read differently (at most until the clock's next second, because of
 * `Date`), and dies at once with what it was made from.
 */
export interface RequestMemo {
  /** The reply to this request, counted as the walk would; `undefined`: it is to be walked. */
  recall(message: IncomingMessage): WholeReply | undefined;
  /** Remembers a reply, when its request has come before. */
  remember(message: IncomingMessage, memo: ReplyMemo, whole: WholeReply): void;
  readonly stats: MemoStats;
}

export interface MemoStats {
  hits: number;
  /** Requests that are known, with a reply or not yet. */
  entries: number;
  bytes: number;
}

export interface MemoSettings {
  /** Bound on all remembered requests and replies. 0 switches the memo off. */
  readonly maxBytes: number;
  readonly now?: () => number;
}

/** A request that has come. */
interface Entry {
  readonly target: string;
  readonly method: string;
  /** Names and values in turn, as they were sent. */
  readonly fields: readonly string[];
  readonly ownBytes: number;
  answer: Answer | undefined;
}

interface Answer {
  readonly whole: WholeReply;
  readonly memo: ReplyMemo;
  readonly untilMs: number;
  readonly bytes: number;
}

/** Longer requests gain too little. */
const MAX_REQUEST_BYTES = 4096;
/** Requests for one target that differ in their fields; the one that came first goes first. */
const MAX_VARIANTS = 8;
/** What an entry costs beside its text, for itself and for each field. */
const ENTRY_OVERHEAD_BYTES = 300;
const FIELD_OVERHEAD_BYTES = 32;
const SECOND_MS = 1000;

export function createRequestMemo({ maxBytes, now = Date.now }: MemoSettings): RequestMemo {
  const stats: MemoStats = { hits: 0, entries: 0, bytes: 0 };
  const byTarget = new Map<string, Entry[]>();

  function forgetAnswer(entry: Entry): void {
    stats.bytes -= entry.answer?.bytes ?? 0;
    entry.answer = undefined;
  }

  function forget(entries: readonly Entry[]): void {
    for (const entry of entries) {
      forgetAnswer(entry);
      stats.entries--;
      stats.bytes -= entry.ownBytes;
    }
  }

  /** Those that came first go first. */
  function makeRoom(bytes: number): void {
    for (const [target, entries] of byTarget) {
      if (stats.bytes + bytes <= maxBytes) return;
      byTarget.delete(target);
      forget(entries);
    }
  }

  function add(message: IncomingMessage): void {
    const { url: target = "", method = "", rawHeaders: fields } = message;
    let textBytes = target.length;
    for (const text of fields) textBytes += text.length;
    const ownBytes = textBytes + ENTRY_OVERHEAD_BYTES + fields.length * FIELD_OVERHEAD_BYTES;
    if (textBytes > MAX_REQUEST_BYTES || ownBytes > maxBytes) return;
    makeRoom(ownBytes);
    const entries = byTarget.get(target);
    const entry: Entry = { target, method, fields, ownBytes, answer: undefined };
    if (entries === undefined) byTarget.set(target, [entry]);
    else if (entries.push(entry) > MAX_VARIANTS) forget(entries.splice(0, 1));
    stats.entries++;
    stats.bytes += ownBytes;
  }

  return {
    stats,
    recall(message) {
      const entry = find(byTarget, message);
      const answer = entry?.answer;
      if (entry === undefined || answer === undefined) return undefined;
      if (now() >= answer.untilMs || !answer.memo.isCurrent()) {
        forgetAnswer(entry);
        return undefined;
      }
      if (!answer.memo.repeat(message.socket.remoteAddress ?? "")) return undefined;
      stats.hits++;
      return answer.whole;
    },
    remember(message, memo, whole) {
      if (maxBytes === 0) return;
      const entry = find(byTarget, message);
      if (entry === undefined) {
        add(message);
        return;
      }
      const nowMs = now();
      // `Date` is the clock's second; the reply must not outlive it.
      const untilMs = Math.min(memo.untilMs, (Math.floor(nowMs / SECOND_MS) + 1) * SECOND_MS);
      if (untilMs <= nowMs) return;
      const kept = toKept(whole, JOINED_BYTES);
      // Content that is not copied is the cache's own.
      const bytes = kept.bytes?.length ?? whole.head.length;
      if (bytes + entry.ownBytes > maxBytes) return;
      forgetAnswer(entry);
      makeRoom(bytes);
      // Making room may have taken the entry itself.
      if (find(byTarget, message) !== entry) return;
      entry.answer = { whole: kept, memo, untilMs, bytes };
      stats.bytes += bytes;
    },
  };
}

function find(byTarget: ReadonlyMap<string, readonly Entry[]>, message: IncomingMessage): Entry | undefined {
  const entries = byTarget.get(message.url ?? "");
  if (entries === undefined) return undefined;
  const { method, rawHeaders } = message;
  for (const entry of entries) {
    if (entry.method === method && isSame(entry.fields, rawHeaders)) return entry;
  }
  return undefined;
}

function isSame(one: readonly string[], other: readonly string[]): boolean {
  if (one.length !== other.length) return false;
  // Names repeat and values differ, more often than not near the end.
  for (let at = one.length - 1; at >= 0; at--) if (one[at] !== other[at]) return false;
  return true;
}
