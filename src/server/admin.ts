import { hash, timingSafeEqual } from "node:crypto";
import { isIP } from "node:net";
import type { Log } from "../api/source.ts";
import { HotpathError } from "../errors.ts";
import { isLoopback } from "../http/address.ts";
import type { HttpReply, HttpRequest } from "../http/message.ts";
import { toProblemReply } from "../http/problem.ts";
import { METRICS_MEDIA_TYPES, type MetricsFormat } from "../observe/exposition.ts";
import { answerDashboard, type DashboardSources, type DashboardView } from "./admin-dashboard.ts";
import type { Advisor } from "./admin-advise.ts";
import { answerPurge, type Purger } from "./admin-purge.ts";
import { createListener, type ListenAddress, type Listener } from "./listener/index.ts";

/** Whether the server should get requests, with a word on each thing that decides it. */
export interface Readiness {
  readonly ready: boolean;
  /** By name, e.g. `{ postgres: "ok" }`. Shown to whoever asks: no secrets. */
  readonly checks: Readonly<Record<string, string>>;
  /** What is worth knowing and decides nothing. Also shown to whoever asks. */
  readonly details?: Readonly<Record<string, string>>;
}

/** Where the admin listener listens and whom it answers. */
export interface AdminSettings {
  /** Any other than a loopback address or a socket lets the network in and is logged as a warning. */
  readonly listen: ListenAddress;
  /** Host names, without port, answered beside `localhost` and IP addresses; `*` stands for any. */
  readonly allowedHosts?: readonly string[] | undefined;
  /** What requests must show; `null`: nothing. */
  readonly token?: string | null | undefined;
}

/** What the admin listener tells about. */
export interface AdminSources {
  readiness(): Readiness | Promise<Readiness>;
  readonly metrics: { render(format?: MetricsFormat): string | Promise<string> };
  /** The OpenAPI document of the routes, and a page that shows it; absent: there are none. */
  readonly reference?: { readonly document: string; readonly page: string } | undefined;
  /** The cache, when there is one. */
  readonly purger?: Purger | undefined;
  readonly dashboard?: DashboardView | undefined;
  readonly browse?: DashboardSources["browse"];
  readonly advise?: Advisor | undefined;
}

/**
 * A listener for operators, apart from the API's: the dashboard at `/`, `/live`, `/ready`, `/metrics`, `/purge`, `/advise`.
 *
 * Where there is a token, it must be shown, but by probes.
 *
 * Web pages cannot read it through a name of theirs that resolves here (DNS rebinding): `Host` must be `localhost`, an
 * IP address or an allowed name, else 421.
 */
export function createAdmin(settings: AdminSettings, sources: AdminSources, log: Log): Listener {
  const { listen, token = null } = settings;
  const allowedHosts = new Set((settings.allowedHosts ?? []).map((name) => name.toLowerCase()));
  if ("host" in listen && !isLoopback(listen.host) && token === null) {
    log.warn({ host: listen.host }, "the admin listener is open to the network");
  }
  return createListener(
    { listen: { portFlag: "--admin-port", ...listen }, maxBodyBytes: 0, maxConnections: MAX_CONNECTIONS },
    (request) => {
      if (!isAllowedHost(request.authority, allowedHosts)) {
        return toProblemReply(
          new HotpathError("HP_HOST_REFUSED", "The admin listener does not answer to this host name."),
        );
      }
      if (token !== null && !hasToken(request, token)) return answerStranger(request, sources);
      return answer(request, sources);
    },
    log,
  );
}

/** Enough for every scraper and probe; not enough to starve the API of file descriptors. */
const MAX_CONNECTIONS = 256;

async function answer(request: HttpRequest, sources: AdminSources): Promise<HttpReply> {
  if (request.path === "/purge" && request.method === "POST") return answerPurge(request, sources.purger);
  if (request.method !== "GET" && request.method !== "HEAD") {
    const headers = { allow: "GET, HEAD" };
    return toProblemReply(
      new HotpathError("HP_METHOD_NOT_ALLOWED", "Only GET and HEAD, and POST of /purge, are answered here.", {
        headers,
      }),
    );
  }
  const shown = answerDashboard(request, sources);
  if (shown !== undefined) return shown;
  switch (request.path) {
    case "/live":
      return toReply(200, "application/json", JSON.stringify({ live: true }));
    case "/ready": {
      const readiness = await sources.readiness();
      return toReply(readiness.ready ? 200 : 503, "application/json", JSON.stringify(readiness));
    }
    case "/metrics": {
      const format = prefersOpenMetrics(request.headers.accept) ? "openmetrics" : "prometheus";
      const reply = toReply(200, METRICS_MEDIA_TYPES[format], await sources.metrics.render(format));
      return { ...reply, headers: { ...reply.headers, vary: "accept" } };
    }
    case "/advise":
      if (sources.advise === undefined) return unknownPath();
      return sources.advise().then(
        (advice) => toReply(200, "application/json", JSON.stringify(advice)),
        (error: unknown) =>
          toProblemReply(
            error instanceof HotpathError
              ? error
              : new HotpathError("HP_ADVICE_UNAVAILABLE", "The database could not be asked."),
          ),
      );
    case "/openapi.json":
      if (sources.reference === undefined) return unknownPath();
      return toReply(200, "application/json", sources.reference.document);
    case "/reference": {
      if (sources.reference === undefined) return unknownPath();
      const reply = toReply(200, "text/html; charset=utf-8", sources.reference.page);
      return { ...reply, headers: { ...reply.headers, "content-security-policy": PAGE_POLICY } };
    }
    default:
      return unknownPath();
  }
}

function unknownPath(): HttpReply {
  const message =
    "The admin listener knows /, /live, /ready, /metrics, /purge, /advise and, where there are routes, /reference.";
  return toProblemReply(new HotpathError("HP_NOT_FOUND", message));
}

const PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";

/** Without the token probes learn whether, and nobody learns why. */
async function answerStranger({ method, path }: HttpRequest, sources: AdminSources): Promise<HttpReply> {
  const isProbe = (method === "GET" || method === "HEAD") && (path === "/live" || path === "/ready");
  if (!isProbe) {
    const headers = { "www-authenticate": 'Bearer, Basic realm="hotpath", charset="UTF-8"' };
    return toProblemReply(new HotpathError("HP_ADMIN_TOKEN", "The admin listener wants its token.", { headers }));
  }
  const isRight = path === "/live" || (await sources.readiness()).ready;
  return toReply(isRight ? 200 : 503, "application/json", JSON.stringify({ [path.slice(1)]: isRight }));
}

function toReply(status: number, type: string, body: string): HttpReply {
  const headers = { "content-type": type, "cache-control": "no-store", "x-content-type-options": "nosniff" };
  return { status, headers, body };
}

/** Prometheus names OpenMetrics first when it wants it; nobody else sends this type. */
function prefersOpenMetrics(accept: string | undefined): boolean {
  return accept !== undefined && /application\/openmetrics-text(?!\s*;[^,]*\bq=0(?:\.0*)?(?:,|;|$))/i.test(accept);
}

function isAllowedHost(authority: string, allowed: ReadonlySet<string>): boolean {
  if (allowed.has("*")) return true;
  const name = authority.replace(/:\d*$/, "").toLowerCase();
  const address = name.startsWith("[") && name.endsWith("]") ? name.slice(1, -1) : name;
  return name === "localhost" || isIP(address) !== 0 || allowed.has(name);
}

/** Compared in constant time, whatever the lengths. */
/** Browsers ask for a name and a password, and show them with all that the dashboard asks for. */
function passwordOf(field: string): string | undefined {
  const encoded = /^Basic +([\w+/=-]+)$/i.exec(field)?.[1];
  return encoded === undefined
    ? undefined
    : Buffer.from(encoded, "base64")
        .toString("latin1")
        .replace(/^[^:]*:/, "");
}

function hasToken({ headers }: HttpRequest, token: string): boolean {
  const field = headers.authorization ?? "";
  const shown = /^Bearer +(\S+)$/i.exec(field)?.[1] ?? passwordOf(field) ?? "";
  return timingSafeEqual(hash("sha256", shown, "buffer"), hash("sha256", token, "buffer"));
}
