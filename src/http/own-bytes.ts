/**
 * Bytes that are to be kept, in a buffer of their own. Small buffers are cut from one of 8 KiB that they share with whatever came by, and
 * hold all of it: a cache of short replies would take many times what it counts.
 */
export function ownBytes(bytes: Uint8Array): Uint8Array {
  if (bytes.byteLength * 2 >= bytes.buffer.byteLength) return bytes;
  const own = Buffer.allocUnsafeSlow(bytes.byteLength);
  own.set(bytes);
  return own;
}

/** The UTF-8 of a text that is to be kept. */
export function toOwnBytes(text: string): Uint8Array {
  const own = Buffer.allocUnsafeSlow(Buffer.byteLength(text));
  own.write(text);
  return own;
}
