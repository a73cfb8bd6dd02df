import { setImmediate } from "node:timers/promises";
import { tagParts } from "../http/etag.ts";

/**
 * Content above this is encoded and hashed in slices of this size, half a millisecond each, between which other requests have
 * their turn. A string of 20 MB would hold everyone up for 50 ms otherwise.
 */
export const SLICE_LENGTH = 1024 * 1024;

/** A long string as UTF-8. Lone surrogates become U+FFFD, as in `Buffer.from`. */
export async function toBytesInSlices(text: string): Promise<Uint8Array> {
  // Counting first costs a pass, and saves holding the content twice.
  let length = 0;
  for (const slice of slicesOf(text)) {
    length += Buffer.byteLength(slice);
    await setImmediate();
  }
  const bytes = Buffer.allocUnsafeSlow(length);
  let at = 0;
  for (const slice of slicesOf(text)) {
    at += bytes.write(slice, at);
    await setImmediate();
  }
  return bytes;
}

/** The entity tag of much content. */
export async function tagInSlices(bytes: Uint8Array, metadata: string): Promise<string> {
  const parts = tagParts(metadata);
  for (let at = 0; at < bytes.byteLength; at += SLICE_LENGTH) {
    parts.update(bytes.subarray(at, at + SLICE_LENGTH));
    await setImmediate();
  }
  return parts.end();
}

/** Slices that never part a surrogate pair. */
function* slicesOf(text: string): Generator<string> {
  let at = 0;
  while (at < text.length) {
    let end = at + SLICE_LENGTH;
    if (end < text.length && (text.charCodeAt(end - 1) & 0xfc00) === 0xd800) end--;
    yield text.slice(at, end);
    at = end;
  }
}
