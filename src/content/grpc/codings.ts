import { brotliDecompress, type BrotliOptions, gunzip, inflate, type ZlibOptions } from "node:zlib";
import { HotpathError } from "../../errors.ts";

/** Codings of messages that are undone, in the words of `grpc-accept-encoding`; brotli, which gRPC does not know, is Connect's. */
export const MESSAGE_CODINGS = "gzip,deflate";

type Decompress = (
  bytes: Buffer,
  options: ZlibOptions & BrotliOptions,
  done: (error: Error | null, whole: Buffer) => void,
) => void;

const DECODERS: ReadonlyMap<string, Decompress> = new Map([
  ["gzip", gunzip],
  ["deflate", inflate],
  ["br", brotliDecompress],
]);

/**
 * Undoes a message's coding. What comes of it has `maxBytes` at most: a few bytes cannot become gigabytes.
 *
 * @throws HotpathError HP_CONTENT_CODING_UNSUPPORTED, HP_BODY_TOO_LARGE, HP_MESSAGE_INVALID
 */
export async function decompressed(bytes: Buffer, coding: string, maxBytes: number): Promise<Buffer> {
  const decompress = DECODERS.get(coding);
  if (decompress === undefined) {
    const message = "A compressed message names its coding: gzip or deflate, with Connect also br.";
    throw new HotpathError("HP_CONTENT_CODING_UNSUPPORTED", message, { todo: "Use one of them, or none." });
  }
  return new Promise((resolve, reject) => {
    decompress(bytes, { maxOutputLength: maxBytes }, (error, whole) => {
      if (error === null) resolve(whole);
      else reject("code" in error && error.code === "ERR_BUFFER_TOO_LARGE" ? tooLarge(maxBytes) : noSuch(coding));
    });
  });
}

export function tooLarge(maxBytes: number): HotpathError {
  return new HotpathError("HP_BODY_TOO_LARGE", `A message may have ${maxBytes} bytes, decompressed.`);
}

function noSuch(coding: string): HotpathError {
  return new HotpathError("HP_MESSAGE_INVALID", `The message is not ${coding}, as it says.`);
}
