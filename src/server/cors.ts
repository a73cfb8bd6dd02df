import { addVary } from "../http/index.ts";
import type { HttpReply, HttpRequest, ReplyHeaders } from "../http/message.ts";

/** Lets browsers call from other origins (Fetch Standard, "CORS protocol"). */
export interface Cors {
  /** Whether replies get fields at all. */
  readonly isOn: boolean;
  /** The reply to a preflight, or undefined for every other request. */
  preflight(request: HttpRequest): HttpReply | undefined;
  /** Adds what the browser asks for before it shows a reply to the page. */
  allow(request: HttpRequest, headers: ReplyHeaders): void;
}

/** How long a browser may remember a preflight. */
const MAX_AGE_SECONDS = "86400";

/** What pages may read beside the fields that every reply shows. */
const EXPOSED =
  "Content-Encoding, Content-Location, Content-Range, Content-Type, Date, ETag, Link, Location, Server, " +
  "Transfer-Encoding, Range-Unit, Preference-Applied, Consistency-Token";

/** @param allowedOrigins `*` for any; an empty list allows none and costs nothing. */
export function createCors(allowedOrigins: readonly string[]): Cors {
  const isAny = allowedOrigins.includes("*");
  const allowed = new Set(allowedOrigins);
  const isAllowed = (origin: string) => isAny || allowed.has(origin);

  function allowOrigin(origin: string, headers: ReplyHeaders): void {
    if (isAny) {
      headers["access-control-allow-origin"] = "*";
      return;
    }
    headers["access-control-allow-origin"] = origin;
    headers["access-control-allow-credentials"] = "true";
  }

  return {
    isOn: allowedOrigins.length > 0,
    preflight({ method, headers: asked }) {
      if (method !== "OPTIONS") return undefined;
      const { origin } = asked;
      if (origin === undefined || !isAllowed(origin)) return undefined;
      if (asked["access-control-request-method"] === undefined) return undefined;
      const headers: ReplyHeaders = {
        "access-control-allow-methods": "GET, POST, PATCH, PUT, DELETE, OPTIONS, HEAD",
        "access-control-allow-headers": asked["access-control-request-headers"] ?? "Authorization",
        "access-control-max-age": MAX_AGE_SECONDS,
        vary: "Origin, Access-Control-Request-Method, Access-Control-Request-Headers",
      };
      allowOrigin(origin, headers);
      return { status: 200, headers, body: "", validate: false };
    },
    allow({ headers: { origin } }, headers) {
      if (allowedOrigins.length === 0) return;
      // The reply differs by origin also for those that are refused.
      if (!isAny) headers["vary"] = addVary(headers["vary"], "Origin");
      if (origin === undefined || !isAllowed(origin)) return;
      allowOrigin(origin, headers);
      headers["access-control-expose-headers"] = EXPOSED;
    },
  };
}
