import { COMPRESS_AT_ONCE_BYTES, compress, compressSync } from "../../content/compression/index.ts";
import { MESSAGE_CODINGS } from "../../content/grpc/codings.ts";
import { COMPRESSED, frame } from "../../content/grpc/frames.ts";
import type { RpcStatus } from "../../content/grpc/status.ts";
import type { HttpRequest, ReplyHeaders } from "../../http/message.ts";
import type { CallSettings } from "./call.ts";

/** How the messages of a reply are framed. */
export interface Framing {
  /** What says so in the reply's head; undefined: they are not compressed. */
  readonly coding: ReplyHeaders | undefined;
  /** A message with its head: at once where it is not large. It may come in two parts. */
  frame(message: Buffer, rest?: Buffer): Buffer | Promise<Buffer>;
}

/**
 * Compresses messages by gzip for those whose own call says that it is. That a client could read it is no wish: libraries say so
 * with every call, also beside the server, where compressing takes more time than it saves.
 */
export function framingOf({ headers }: HttpRequest, names: CodingFields, settings: CallSettings): Framing {
  if (headers[names.sent] === undefined) return PLAIN;
  const accepted = headers[names.accepted];
  const isWanted = headers[names.sent] === "gzip" && typeof accepted === "string" && /\bgzip\b/.test(accepted);
  if (!isWanted || !settings.encodings.includes("gzip")) return PLAIN;
  return {
    coding: { [names.sent]: "gzip", [names.accepted]: MESSAGE_CODINGS },
    frame(first, rest) {
      const message = rest === undefined ? first : Buffer.concat([first, rest]);
      if (message.length < settings.compressFromBytes) return frame(message);
      if (message.length <= COMPRESS_AT_ONCE_BYTES) return frame(compressSync(message, "gzip"), COMPRESSED);
      return compress(message, "gzip").then((bytes) => frame(bytes, COMPRESSED));
    },
  };
}

/** What a protocol calls the coding of the messages that are sent, and those that the other side may use. */
export interface CodingFields {
  readonly sent: "grpc-encoding" | "connect-content-encoding";
  readonly accepted: "grpc-accept-encoding" | "connect-accept-encoding";
}

export const GRPC_FIELDS: CodingFields = { sent: "grpc-encoding", accepted: "grpc-accept-encoding" };
export const CONNECT_FIELDS: CodingFields = { sent: "connect-content-encoding", accepted: "connect-accept-encoding" };

/** What whoever used another coding may use. */
export function codingsFor({ reason }: RpcStatus, field: string): ReplyHeaders {
  return reason === "HP_CONTENT_CODING_UNSUPPORTED" ? { [field]: MESSAGE_CODINGS } : {};
}

const PLAIN: Framing = { coding: undefined, frame: (message, rest) => frame(message, 0, rest) };
