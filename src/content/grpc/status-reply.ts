import type { HttpReply } from "../../http/message.ts";
import { statusBytes, statusOf } from "./status.ts";

/** An error reply in JSON as `google.rpc.Status`; any other as it is. */
export function toStatusReply<Reply extends HttpReply>(reply: Reply): Reply {
  const { body, headers } = reply;
  if (!/^application\/(?:problem\+)?json\b/.test(String(headers["content-type"] ?? ""))) return reply;
  if (typeof body !== "string" && !(body instanceof Uint8Array)) return reply;
  const status = statusOf(reply.status, typeof body === "string" ? body : Buffer.from(body).toString("utf8"));
  const { "content-length": _length, etag: _tag, ...kept } = headers;
  const type = 'application/x-protobuf; messageType="google.rpc.Status"';
  return { ...reply, headers: { ...kept, "content-type": type }, body: statusBytes(status) };
}
