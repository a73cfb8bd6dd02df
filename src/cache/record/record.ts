// How a stored reply is written where bytes are kept (Redis, Memcached).
//
//   offset  size
//        0     1  version of the format: 1
//        1     4  CRC-32 of everything behind it
//        5     8  receivedAtMs    three IEEE 754 doubles, big-endian like every number here,
//       13     8  requestedAtMs   at fixed places so that a script inside Redis can read them
//       21     8  keepUntilMs
//       29     4  length of the head
//       33     …  head: UTF-8 JSON, [status, statusText or null, headers, vary, range or null, tags]
//        …     …  body: the content's bytes as they are, to the end
//
// JSON for the head because V8 reads it faster than JavaScript reads fields one by one; never for the body, which would
// have to be escaped and copied. A value of another version, or one that the checksum does not fit, reads as nothing.
import { crc32 } from "node:zlib";
import type { StoredReply } from "../store.ts";

/** First byte of every record. Another layout gets another number. */
export const RECORD_VERSION = 1;

/** Where a record says when its reply was received: counted from 0, a big-endian double. */
export const RECEIVED_AT_OFFSET = 5;

/** Writes a reply as one record. */
export function encodeRecord(reply: StoredReply): Buffer {
  const { status, statusText = null, headers, vary, range = null, tags, body } = reply;
  const head = JSON.stringify([status, statusText, headers, vary, range, tags]);
  const headBytes = Buffer.byteLength(head);
  const record = Buffer.allocUnsafe(HEAD_OFFSET + headBytes + body.byteLength);
  record[0] = RECORD_VERSION;
  record.writeDoubleBE(reply.receivedAtMs, RECEIVED_AT_OFFSET);
  record.writeDoubleBE(reply.requestedAtMs, REQUESTED_AT_OFFSET);
  record.writeDoubleBE(reply.keepUntilMs, KEEP_UNTIL_OFFSET);
  record.writeUInt32BE(headBytes, HEAD_LENGTH_OFFSET);
  record.write(head, HEAD_OFFSET);
  record.set(body, HEAD_OFFSET + headBytes);
  record.writeUInt32BE(crc32(record.subarray(RECEIVED_AT_OFFSET)), CHECKSUM_OFFSET);
  return record;
}

/** Reads a record; `undefined` when it is none of this version, or not whole. The body is a view of the record's bytes. */
export function decodeRecord(record: Uint8Array): StoredReply | undefined {
  if (record[0] !== RECORD_VERSION || record.byteLength < HEAD_OFFSET) return undefined;
  const bytes = Buffer.from(record.buffer, record.byteOffset, record.byteLength);
  if (crc32(bytes.subarray(RECEIVED_AT_OFFSET)) !== bytes.readUInt32BE(CHECKSUM_OFFSET)) return undefined;
  const bodyOffset = HEAD_OFFSET + bytes.readUInt32BE(HEAD_LENGTH_OFFSET);
  if (bodyOffset > bytes.byteLength) return undefined;
  const head = parseHead(bytes.toString("utf8", HEAD_OFFSET, bodyOffset));
  if (head === undefined) return undefined;
  const [status, statusText, headers, vary, range, tags] = head;
  return {
    status,
    ...(statusText === null ? {} : { statusText }),
    headers,
    body: bytes.subarray(bodyOffset),
    requestedAtMs: bytes.readDoubleBE(REQUESTED_AT_OFFSET),
    receivedAtMs: bytes.readDoubleBE(RECEIVED_AT_OFFSET),
    vary,
    ...(range === null ? {} : { range }),
    tags,
    keepUntilMs: bytes.readDoubleBE(KEEP_UNTIL_OFFSET),
  };
}

type Head = [
  status: number,
  statusText: string | null,
  headers: StoredReply["headers"],
  vary: StoredReply["vary"],
  range: NonNullable<StoredReply["range"]> | null,
  tags: StoredReply["tags"],
];

const CHECKSUM_OFFSET = 1;
const REQUESTED_AT_OFFSET = 13;
const KEEP_UNTIL_OFFSET = 21;
const HEAD_LENGTH_OFFSET = 29;
const HEAD_OFFSET = 33;

/** The checksum says that the bytes are as written; that they were written by this code only the shape can. */
function parseHead(text: string): Head | undefined {
  let head: unknown;
  try {
    head = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!Array.isArray(head) || head.length !== 6) return undefined;
  const [status, statusText, headers, vary, range, tags] = head as unknown[];
  const isHead =
    Number.isInteger(status) &&
    (statusText === null || typeof statusText === "string") &&
    isObject(headers) &&
    Object.values(headers).every((value) => typeof value === "string" || isTexts(value)) &&
    Array.isArray(vary) &&
    vary.every(isVaryField) &&
    (range === null || isRange(range)) &&
    isTexts(tags);
  return isHead ? (head as Head) : undefined;
}

function isVaryField(field: unknown): boolean {
  if (!Array.isArray(field) || field.length !== 2) return false;
  return typeof field[0] === "string" && (field[1] === null || typeof field[1] === "string");
}

function isRange(range: unknown): boolean {
  return isObject(range) && ["first", "last", "size"].every((name) => Number.isInteger(range[name]));
}

function isTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every((text) => typeof text === "string");
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
