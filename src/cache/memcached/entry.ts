// What Memcached holds for a key: all its variants in one value, because there is nothing but values.
//
//   offset  size
//        0     1  version of this layout: 1
//        1     4  length of the head
//        5     …  head: UTF-8 JSON, {"purgedAt": …, "marks": {tag: mark, …}}
//        …     …  records (src/cache/record/record.ts), each with its length in four bytes before it
//
// `marks` are the marks of the tags (and of "everything") when the value was written; it holds for as long as the tags still
// have them. `purgedAt` says when the key was purged, in microseconds; what was asked for before that is not added.
import { decodeRecord, encodeRecord } from "../record/record.ts";
import type { StoredReply } from "../store.ts";

/** A key's value, read. */
export interface MemcachedEntry {
  readonly purgedAt: number;
  readonly marks: Readonly<Record<string, string>>;
  readonly replies: readonly StoredReply[];
}

/** Writes an entry. */
export function encodeEntry({ purgedAt, marks, replies }: MemcachedEntry): Buffer {
  const head = Buffer.from(JSON.stringify({ purgedAt, marks }));
  const start = Buffer.alloc(HEAD_OFFSET);
  start[0] = ENTRY_VERSION;
  start.writeUInt32BE(head.length, 1);
  const parts: Buffer[] = [start, head];
  for (const reply of replies) {
    const record = encodeRecord(reply);
    const size = Buffer.alloc(4);
    size.writeUInt32BE(record.length);
    parts.push(size, record);
  }
  return Buffer.concat(parts);
}

/** Reads an entry; `undefined` when it is none of this version. Records that are not whole are left out. */
export function decodeEntry(bytes: Buffer): MemcachedEntry | undefined {
  if (bytes[0] !== ENTRY_VERSION || bytes.length < HEAD_OFFSET) return undefined;
  let at = HEAD_OFFSET + bytes.readUInt32BE(1);
  if (at > bytes.length) return undefined;
  const head = parseHead(bytes.toString("utf8", HEAD_OFFSET, at));
  if (head === undefined) return undefined;
  const replies: StoredReply[] = [];
  while (at + 4 <= bytes.length) {
    const end = at + 4 + bytes.readUInt32BE(at);
    if (end > bytes.length) break;
    const reply = decodeRecord(bytes.subarray(at + 4, end));
    if (reply !== undefined) replies.push(reply);
    at = end;
  }
  return { ...head, replies };
}

const ENTRY_VERSION = 1;
const HEAD_OFFSET = 5;

function parseHead(text: string): Pick<MemcachedEntry, "purgedAt" | "marks"> | undefined {
  let head: unknown;
  try {
    head = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof head !== "object" || head === null || !("purgedAt" in head) || !("marks" in head)) return undefined;
  const { purgedAt, marks } = head;
  if (typeof purgedAt !== "number" || typeof marks !== "object" || marks === null) return undefined;
  return { purgedAt, marks: marks as Record<string, string> };
}
