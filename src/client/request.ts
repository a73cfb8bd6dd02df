import { type CacheControl, parseCacheControl } from "../http/cache-control.ts";
import type { ClientSettings } from "./options.ts";

/** The cache modes of the Fetch standard. */
export type CacheMode = "default" | "no-store" | "reload" | "no-cache" | "force-cache" | "only-if-cached";

/** One call of `fetch`, read once. */
export interface ClientRequest {
  readonly method: string;
  /** Absolute, without fragment. */
  readonly url: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly cache: CacheMode;
  /** What its own `Cache-Control`, or `Pragma`, demands. */
  readonly control: CacheControl;
  /**
   * What else makes two requests for one URL different: who asks, and how credentials, cross-origin rules and redirects are treated.
   */
  readonly scope: string;
  readonly signal: AbortSignal | undefined;
  /** Whether it can be sent more than once: idempotent, and with a body that is not used up. */
  readonly canRepeat: boolean;
  /** Whether the cache has nothing to do with it. */
  readonly isBypass: boolean;
  readonly input: string | URL | Request;
  readonly init: RequestInit;
}

/**
 * Reads the arguments of `fetch` without touching a body.
 *
 * @throws TypeError as `fetch` does for an invalid URL or header.
 */
export function readRequest(
  settings: ClientSettings,
  input: string | URL | Request,
  init: RequestInit = {},
): ClientRequest {
  const from = typeof input === "string" || input instanceof URL ? undefined : input;
  const url = (from ?? new Request(input)).url.replace(/#.*/s, "");
  const method = normalizeMethod(init.method ?? from?.method ?? "GET");
  const headers = Object.fromEntries(new Headers(init.headers ?? from?.headers));
  const modes = MODES.map((name) => init[name] ?? from?.[name] ?? "");
  const identity = settings.identityHeaders.map((name) => headers[name] ?? null);
  const cache = init.cache ?? from?.cache ?? "default";
  const integrity = init.integrity ?? from?.integrity;
  // Only where there is no Cache-Control does Pragma count (RFC 9111 section 5.4).
  const control = parseCacheControl(headers["cache-control"] ?? headers["pragma"]);
  return {
    method,
    url,
    headers,
    cache,
    control,
    scope: JSON.stringify([modes, identity]),
    signal: init.signal === null ? undefined : (init.signal ?? from?.signal),
    canRepeat: (IDEMPOTENT.has(method) || "idempotency-key" in headers) && isRepeatable(init.body ?? from?.body),
    isBypass:
      (method !== "GET" && method !== "HEAD") ||
      cache === "no-store" ||
      control.noStore ||
      Boolean(integrity) ||
      modes.includes("no-cors") ||
      // Who sends conditions wants to see their outcome (Fetch standard, HTTP-network-or-cache fetch).
      CONDITIONS.some((name) => name in headers),
    input,
    init,
  };
}

const MODES = ["credentials", "mode", "redirect"] as const;
/** RFC 9110 section 9.2.2. */
const IDEMPOTENT = new Set(["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"]);
const NORMALIZED = new Set(["GET", "HEAD", "OPTIONS", "POST", "PUT", "DELETE"]);
const CONDITIONS = ["if-none-match", "if-modified-since", "if-match", "if-unmodified-since", "if-range", "range"];

/** As `Request` does: other methods are case-sensitive. */
function normalizeMethod(method: string): string {
  const upper = method.toUpperCase();
  return NORMALIZED.has(upper) ? upper : method;
}

/** A stream, or the body of a `Request`, can be read once only. */
function isRepeatable(body: unknown): boolean {
  if (body === undefined || body === null || typeof body === "string") return true;
  return !(body instanceof ReadableStream) && !(Symbol.asyncIterator in Object(body));
}
