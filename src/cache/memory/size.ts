import type { StoredReplies, StoredReply } from "../store.ts";

/**
 * Bytes an entry takes in memory, all told: content, texts, and the objects that hold them. An estimate by measured
 * constants (V8 of Node 24 with 8-byte pointers); a test compares it with what the process really uses.
 */
export function sizeOf(key: string, replies: StoredReplies): number {
  let bytes = ENTRY_BYTES + key.length;
  for (const reply of replies) bytes += sizeOfReply(reply);
  return bytes;
}

function sizeOfReply(reply: StoredReply): number {
  let bytes = REPLY_BYTES + reply.body.byteLength + (reply.statusText?.length ?? 0);
  for (const name in reply.headers) {
    const value = reply.headers[name]!;
    bytes += FIELD_BYTES + name.length;
    if (typeof value === "string") bytes += value.length;
    else for (const line of value) bytes += FIELD_BYTES + line.length;
  }
  for (const [name, value] of reply.vary) bytes += VARY_BYTES + name.length + (value?.length ?? 0);
  for (const tag of reply.tags) bytes += TAG_BYTES + tag.length;
  return bytes;
}

/** Node of the eviction queue, slot of the key map, key string's header. */
const ENTRY_BYTES = 260;
/** The reply, its arrays, its header object, its view and the buffer below. */
const REPLY_BYTES = 500;
/** Slot and string header of a field's name and value. */
const FIELD_BYTES = 60;
const VARY_BYTES = 90;
/** String, place in the reply's list, set and links of the tag index. */
const TAG_BYTES = 130;
