import { isIP } from "node:net";
import { HotpathError } from "../errors.ts";
import { isLoopback } from "../http/address.ts";
import type { PostgresSettings, ServerSettings, UpstreamSettings } from "./settings.ts";

/**
 * What must hold between options of the server. Where lowering one option alone would clash with the default of another,
 * the other gives way: a shorter request timeout must not ask for a second flag.
 *
 * @throws HotpathError HP_OPTION_INVALID
 */
export function fitServerSettings(settings: ServerSettings): ServerSettings {
  const { server, admin, http, cache, overload } = settings;
  const { cert, key, dev } = server.tls;
  if ((cert === null) !== (key === null)) {
    throw invalid("server.tls.cert and server.tls.key (--tls-cert, --tls-key) belong together; received only one.");
  }
  if (dev && cert !== null) {
    throw invalid("server.tls.dev (--dev-tls) makes a certificate itself, but server.tls.cert (--tls-cert) names one.");
  }
  const usePorts = server.socket === null && admin.enabled && admin.socket === null;
  if (usePorts && admin.port !== 0 && admin.port === server.port) {
    throw invalid(`server.port and admin.port (--port, --admin-port) must differ; received ${admin.port} for both.`);
  }
  if (admin.enabled && server.socket !== null && admin.socket === server.socket) {
    throw invalid("server.socket and admin.socket (--socket, --admin-socket) must differ.");
  }
  if (admin.enabled && admin.socket === null && admin.token === null && !admin.isOpen && !isLoopback(admin.host)) {
    throw new HotpathError(
      "HP_ADMIN_OPEN",
      `The admin listener on ${admin.host} would let the network in without a token.`,
    );
  }
  if (cache.redis !== null && cache.memcached.length > 0) {
    throw invalid("cache.redis and cache.memcached (--cache-redis, --cache-memcached) exclude each other.");
  }
  checkNetworks("cache.purgeFrom", cache.purgeFrom);
  checkNetworks("overload.trustedCallers", overload.trustedCallers);
  const shares = overload.share.high + overload.share.normal + overload.share.low;
  if (shares > 100) throw invalid(`overload.share must not come to more than 100 in all; received ${shares}.`);
  return {
    ...settings,
    overload: { ...overload, minLimit: Math.min(overload.minLimit, overload.maxLimit) },
    cache: { ...cache, softTimeoutMs: Math.min(cache.softTimeoutMs, cache.hardTimeoutMs) },
    http: {
      ...http,
      maxUrlBytes: Math.min(http.maxUrlBytes, http.maxHeaderBytes),
      headersTimeoutMs: Math.min(http.headersTimeoutMs, http.requestTimeoutMs),
    },
  };
}

/** The same for a PostgreSQL source. */
export function fitPostgresSettings(settings: PostgresSettings): PostgresSettings {
  const { pool, schemas, consistency } = settings;
  const system = schemas.find((schema) => schema === "pg_catalog" || schema === "information_schema");
  if (system !== undefined) throw invalid(`schemas must not name the system schema ${system}.`);
  return {
    ...settings,
    pool: {
      ...pool,
      minIdle: Math.min(pool.minIdle, pool.max),
      maxLifetimeJitterMs: Math.min(pool.maxLifetimeJitterMs, Math.floor(pool.maxLifetimeMs / 2)),
    },
    // A replica that was up to date when it was last asked must not look too old before it is asked again.
    consistency: {
      ...consistency,
      checkIntervalMs: Math.min(consistency.checkIntervalMs, Math.floor(consistency.maxLagMs / 2)),
    },
  };
}

/** The same for an upstream. */
export function fitUpstreamSettings(settings: UpstreamSettings): UpstreamSettings {
  const { url, addresses, health, trustedProxies } = settings;
  const { protocol } = new URL(url);
  const other = addresses.find((address) => !URL.canParse(address) || new URL(address).protocol !== protocol);
  if (other !== undefined) throw invalid(`addresses must be origins with the scheme of the URL (${protocol}//).`);
  for (const line of [...settings.headers.setRequest, ...settings.headers.setReply]) {
    const name = line.slice(0, line.indexOf(":")).toLowerCase();
    if (FRAMING.has(name))
      throw invalid(`headers.setRequest and setReply must not set ${name}: it frames the message.`);
  }
  checkNetworks("trustedProxies", trustedProxies);
  return { ...settings, health: { ...health, maxEjectionMs: Math.max(health.maxEjectionMs, health.ejectionMs) } };
}

function checkNetworks(option: string, networks: readonly string[]): void {
  for (const network of networks) {
    const [address = "", bits = "0"] = network.split("/");
    const family = isIP(address);
    if (family === 0 || Number(bits) > (family === 4 ? 32 : 128)) {
      throw invalid(`${option} must hold IP addresses or networks; received ${JSON.stringify(network)}.`);
    }
  }
}

/** Fields of a connection or of a message's framing, which belong to whoever writes the message. */
const FRAMING = new Set([
  "connection",
  "content-length",
  "expect",
  "keep-alive",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

function invalid(message: string): HotpathError {
  return new HotpathError("HP_OPTION_INVALID", message);
}
