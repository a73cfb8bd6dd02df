import { STATUS_CODES } from "node:http";
import { HotpathError } from "../../errors.ts";
import type { HttpReply } from "../../http/message.ts";

/**
 * The problem-details reply (RFC 9457) of an error. What a `HotpathError` below 500 says is meant for clients; of
 * anything else they learn only the status.
 */
export function toProblemReply(error: unknown): HttpReply & { body: string } {
  const known = error instanceof HotpathError ? error : new HotpathError("HP_INTERNAL", "");
  const { status, code, message, todo, headers } = known;
  const told = status < 500 ? { detail: message, todo } : {};
  return {
    status,
    headers: { ...headers, "content-type": "application/problem+json", "cache-control": "no-store" },
    body: JSON.stringify({ type: "about:blank", title: STATUS_CODES[status] ?? "Error", status, code, ...told }),
  };
}

/** The same as the bytes of a last HTTP/1.1 message, for connections whose request never became a request. */
export function toClosingMessage(error: HotpathError): string {
  const { status, headers, body } = toProblemReply(error);
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}`,
    `date: ${new Date().toUTCString()}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${String(value)}`),
    `content-length: ${Buffer.byteLength(body)}`,
    "connection: close",
  ];
  return `${lines.join("\r\n")}\r\n\r\n${body}`;
}
