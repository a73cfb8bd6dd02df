import type { IncomingHttpHeaders } from "node:http";
import type { ListenerLimits } from "./settings.ts";

/** How many bytes of content a request may have, from its head, where that may be more than the listener's own limit. */
export type BodyLimit = (method: string, path: string, headers: Readonly<IncomingHttpHeaders>) => number;

/** The limit of one request's content. `bodyLimit` is asked only where the listener's own may not do. */
export function limitOfBody(
  { limits, bodyLimit }: { readonly limits: ListenerLimits; readonly bodyLimit: BodyLimit | undefined },
  method: string,
  target: string,
  headers: Readonly<IncomingHttpHeaders>,
): number {
  const { maxBodyBytes } = limits;
  const length = headers["content-length"];
  if (bodyLimit === undefined || method === "GET" || method === "HEAD") return maxBodyBytes;
  if (length !== undefined && Number(length) <= maxBodyBytes) return maxBodyBytes;
  const end = target.indexOf("?");
  return Math.max(maxBodyBytes, bodyLimit(method, end === -1 ? target : target.slice(0, end), headers));
}
