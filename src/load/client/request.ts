import type { Target } from "./target.ts";

/** A request before it is written, for either version of HTTP. */
export interface OutgoingRequest {
  readonly method: string;
  readonly target: Target;
  /** Path and query. */
  readonly path: string;
  /** In order, names as they were given. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer | undefined;
  /** Its bytes in HTTP/1.1, once they were made: a request may be sent many times. */
  rendered?: Buffer | string | undefined;
}

/** The bytes of a request in HTTP/1.1; a text (latin1) where it has no content. */
export function renderHttp1({ method, target, path, fields, body }: OutgoingRequest): Buffer | string {
  let head = `${method} ${path} HTTP/1.1\r\n`;
  let hasHost = false;
  let hasLength = false;
  for (const [name, value] of fields) {
    const lower = name.toLowerCase();
    if (lower === "host") hasHost = true;
    if (lower === "content-length" || lower === "transfer-encoding") hasLength = true;
    head += `${name}: ${value}\r\n`;
  }
  if (!hasHost) head += `Host: ${target.authority}\r\n`;
  if (!hasLength && (body !== undefined || method === "POST" || method === "PUT" || method === "PATCH")) {
    head += `Content-Length: ${body?.length ?? 0}\r\n`;
  }
  head += "\r\n";
  return body === undefined ? head : Buffer.concat([Buffer.from(head, "latin1"), body]);
}

/** Fields that HTTP/2 has no use for. */
const CONNECTION_FIELDS: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
  "host",
]);

/** The fields of a request in HTTP/2. */
export function renderHttp2({ method, target, path, fields }: OutgoingRequest): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = {
    ":method": method,
    ":scheme": target.isTls ? "https" : "http",
    ":authority": target.authority,
    ":path": path,
  };
  for (const [name, value] of fields) {
    const lower = name.toLowerCase();
    if (lower === "host") headers[":authority"] = value;
    if (CONNECTION_FIELDS.has(lower)) continue;
    const before = headers[lower];
    headers[lower] =
      before === undefined ? value : lower === "cookie" ? `${String(before)}; ${value}` : [before, value].flat();
  }
  return headers;
}
