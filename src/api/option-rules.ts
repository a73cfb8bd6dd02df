import { HotpathError } from "../errors.ts";
import type { PostgresSettings, ServerSettings } from "./settings.ts";

/** What must hold between options of the server. Throws HP_OPTION_INVALID. */
export function checkServerSettings({ server, admin, http }: ServerSettings): void {
  const { cert, key, dev } = server.tls;
  if ((cert === null) !== (key === null)) {
    throw invalid("server.tls.cert and server.tls.key (--tls-cert, --tls-key) belong together; received only one.");
  }
  if (dev && cert !== null) {
    throw invalid("server.tls.dev (--dev-tls) makes a certificate itself, but server.tls.cert (--tls-cert) names one.");
  }
  if (admin.enabled && server.socket === null && admin.port !== 0 && admin.port === server.port) {
    throw invalid(`server.port and admin.port (--port, --admin-port) must differ; received ${admin.port} for both.`);
  }
  if (http.maxUrlBytes > http.maxHeaderBytes) {
    throw invalid(
      `http.maxUrlBytes (${http.maxUrlBytes}) must not exceed http.maxHeaderBytes (${http.maxHeaderBytes}), ` +
        "which counts the URL too.",
    );
  }
  if (http.headersTimeoutMs > http.requestTimeoutMs) {
    throw invalid("http.headersTimeout must not be longer than http.requestTimeout, which it is a part of.");
  }
}

/** What must hold between options of a PostgreSQL source. Throws HP_OPTION_INVALID. */
export function checkPostgresSettings({ pool, schemas }: PostgresSettings): void {
  if (pool.maxLifetimeJitterMs >= pool.maxLifetimeMs) {
    throw invalid("pool.maxLifetimeJitter must be shorter than pool.maxLifetime.");
  }
  const system = schemas.find((schema) => schema === "pg_catalog" || schema === "information_schema");
  if (system !== undefined) throw invalid(`schemas must not name the system schema ${system}.`);
}

function invalid(message: string): HotpathError {
  return new HotpathError("HP_OPTION_INVALID", message);
}
