import type { SpanAttribute } from "../../api/source-request.ts";
import type { EndedTrace } from "./ended-trace.ts";

/** Named as OpenTelemetry's conventions for HTTP do. */
export function requestAttributes(ended: EndedTrace): Record<string, SpanAttribute> {
  const { method, path, scheme, authority, httpVersion, route, status, trace } = ended;
  const attributes: Record<string, SpanAttribute> = {
    "http.request.method": method,
    "http.route": route,
    "http.response.status_code": status,
    "url.path": path,
    "url.scheme": scheme,
    "server.address": authority.replace(/:\d*$/, ""),
    "network.protocol.version": httpVersion,
  };
  if (trace.dropped > 0) attributes["hotpath.dropped_spans"] = trace.dropped;
  return attributes;
}
