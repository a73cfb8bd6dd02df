import { HotpathError } from "../../errors.ts";
import { decompressed, tooLarge } from "./codings.ts";

/** A message's flags and length, before its bytes. */
export const FRAME_HEAD = 5;
/** Flags: the message is compressed; the end of a stream in Connect; trailers in gRPC-Web. */
export const COMPRESSED = 0x01;
export const END_STREAM = 0x02;
export const TRAILERS = 0x80;

/**
 * One message with its head.
 *
 * @param rest of the message, where it comes in two parts
 */
export function frame(message: Uint8Array, flags = 0, rest?: Uint8Array): Buffer {
  const length = message.length + (rest?.length ?? 0);
  const framed = Buffer.allocUnsafeSlow(FRAME_HEAD + length);
  framed[0] = flags;
  framed.writeUInt32BE(length, 1);
  framed.set(message, FRAME_HEAD);
  if (rest !== undefined) framed.set(rest, FRAME_HEAD + message.length);
  return framed;
}

/**
 * The only message of a call that takes one.
 *
 * @throws HotpathError HP_MESSAGE_INVALID
 */
export async function onlyMessage(bytes: Buffer, encoding: string | undefined, maxBytes: number): Promise<Buffer> {
  if (bytes.length < FRAME_HEAD) throw invalid("the content ends before the message's length");
  const length = bytes.readUInt32BE(1);
  if (length !== bytes.length - FRAME_HEAD) {
    throw invalid(`its head says ${length} bytes and ${bytes.length - FRAME_HEAD} came: one message is awaited`);
  }
  return plain(bytes[0] ?? 0, bytes.subarray(FRAME_HEAD), encoding, maxBytes);
}

/** Messages as they arrive. Each may have `maxBytes`. */
export async function* messagesOf(
  body: AsyncIterable<Buffer>,
  encoding: string | undefined,
  maxBytes: number,
): AsyncGenerator<Buffer, void> {
  let held: Buffer = Buffer.alloc(0);
  for await (const chunk of body) {
    held = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
    while (held.length >= FRAME_HEAD) {
      const length = held.readUInt32BE(1);
      if (length > maxBytes) throw tooLarge(maxBytes);
      if (held.length < FRAME_HEAD + length) break;
      yield await plain(held[0] ?? 0, held.subarray(FRAME_HEAD, FRAME_HEAD + length), encoding, maxBytes);
      held = held.subarray(FRAME_HEAD + length);
    }
  }
  if (held.length > 0) throw invalid("the content ends within a message");
}

/** @param flags of its head */
async function plain(flags: number, message: Buffer, encoding: string | undefined, maxBytes: number): Promise<Buffer> {
  return (flags & COMPRESSED) === 0 ? message : decompressed(message, encoding ?? "identity", maxBytes);
}

function invalid(reason: string): HotpathError {
  return new HotpathError("HP_MESSAGE_INVALID", `The content is not such a message: ${reason}.`);
}
