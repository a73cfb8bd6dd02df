import type { SourceRequest } from "../api/source-request.ts";
import { parseAccept } from "../http/accept.ts";

/** Whether Protocol Buffers come before JSON in what the client takes. */
export function prefersMessages({ headers: { accept } }: Pick<SourceRequest, "headers">): boolean {
  if (accept === undefined || !accept.includes("protobuf")) return false;
  const ranges = parseAccept(accept)
    .filter(({ quality }) => quality > 0)
    .sort((one, other) => other.quality - one.quality);
  const first = ranges.find(({ type, subtype }) => type === "*" || subtype === "json" || PROTOBUF.test(subtype));
  return first !== undefined && PROTOBUF.test(first.subtype);
}

/** Whether a request's content is a message. */
export function isMessage({ headers }: Pick<SourceRequest, "headers">): boolean {
  return /^application\/(?:x-|vnd\.google\.)?protobuf\b/i.test(headers["content-type"] ?? "");
}

const PROTOBUF = /^(?:x-|vnd\.google\.)?protobuf$/;
