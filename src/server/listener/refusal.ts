import { HotpathError } from "../../errors.ts";
import type { HttpReply } from "../../http/message.ts";
import { STATUS_CODES } from "../../http/node-http.ts";
import { toProblemReply } from "../../http/problem.ts";

/** The reply to whatever was thrown: problem details of a `HotpathError`; of anything else no more than a 500. */
export function toErrorReply(error: unknown): HttpReply {
  const known =
    error instanceof HotpathError ? error : new HotpathError("HP_INTERNAL", "unexpected error", { cause: error });
  return toProblemReply(known);
}

/** A refusal as the bytes of a last HTTP/1.1 message, for connections whose request never became a request. */
export function toClosingMessage(error: HotpathError): string {
  const { status, headers, body } = toProblemReply(error);
  const text = typeof body === "string" ? body : "";
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}`,
    `date: ${new Date().toUTCString()}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${String(value)}`),
    `content-length: ${Buffer.byteLength(text)}`,
    "connection: close",
  ];
  return `${lines.join("\r\n")}\r\n\r\n${text}`;
}
