import { CODE_NAMES, CODE_STATUS } from "../../content/grpc/codes.ts";
import { ERROR_INFO, errorInfoBytes, type RpcStatus } from "../../content/grpc/status.ts";
import { HotpathError } from "../../errors.ts";
import type { HttpReply, ReplyHeaders } from "../../http/message.ts";
import { codingsFor } from "./framing.ts";

/** A failure of a call of one message: its code as an HTTP status, and all of it as JSON. */
export function errorReply(failure: RpcStatus, headers: ReplyHeaders): HttpReply {
  return {
    status: CODE_STATUS[failure.code] ?? 500,
    headers: { ...headers, ...codingsFor(failure, "accept-encoding"), "content-type": "application/json" },
    body: JSON.stringify(errorOf(failure)),
    validate: false,
  };
}

/** A failure in the words of Connect. */
export function errorOf(failure: RpcStatus): object {
  const value = errorInfoBytes(failure).toString("base64").replace(/=+$/, "");
  const { reason, metadata } = failure;
  const debug = { reason, domain: "hotpath", metadata };
  return {
    code: CODE_NAMES[failure.code] ?? "unknown",
    message: failure.message,
    details: [{ type: ERROR_INFO, value, debug }],
  };
}

/** A procedure was called by the content type of the other kind. */
export function notStreamed(): HotpathError {
  return new HotpathError(
    "HP_MEDIA_TYPE_UNSUPPORTED",
    "Streams are called as application/connect+proto, others as application/proto.",
    {
      todo: "Use the content type that the procedure has.",
    },
  );
}
