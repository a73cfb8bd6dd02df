/**
 * Fields for one connection only, which an intermediary neither forwards nor stores (RFC 9110 section 7.6.1, RFC 9111 section 3.1).
 */
const HOP_BY_HOP = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authentication-info",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** Whether a field (lower case) is for one connection only, whatever `Connection` says. */
export function isHopByHop(name: string): boolean {
  return HOP_BY_HOP.has(name);
}

/** A copy without the fields that are for one connection only, and without those that `Connection` names. */
export function withoutHopByHop<Value>(
  headers: Readonly<Record<string, Value>>,
): Record<string, Exclude<Value, undefined>> {
  const kept: Record<string, Exclude<Value, undefined>> = {};
  for (const name in headers) {
    const value = headers[name];
    if (value !== undefined && !HOP_BY_HOP.has(name)) kept[name] = value as Exclude<Value, undefined>;
  }
  const connection = headers["connection"];
  if (connection !== undefined) {
    for (const name of String(connection).split(",")) delete kept[name.trim().toLowerCase()];
  }
  return kept;
}
