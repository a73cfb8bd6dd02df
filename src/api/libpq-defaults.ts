import { existsSync } from "node:fs";
import { userInfo } from "node:os";

/** Where packages of PostgreSQL put the server's Unix socket: Debian and Red Hat, then PostgreSQL's own default. */
const SOCKET_FOLDERS = ["/var/run/postgresql", "/tmp"];

/**
 * Completes a connection URL as every libpq program would: without a host it means the server on this machine, by its Unix
 * socket where there is one, and without a user the user who runs us. PGHOST, PGPORT and PGUSER come before these.
 * Source: https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS
 */
export function withLibpqDefaults(url: string, environment: Readonly<Record<string, string | undefined>>): string {
  const parsed = URL.parse(url);
  // A user without a host is beyond the URL standard: left to the driver.
  if (!parsed) return url;
  const { searchParams } = parsed;
  const added: string[] = [];
  if (parsed.hostname === "" && !searchParams.has("host")) {
    const port = searchParams.get("port") ?? (environment["PGPORT"] || "5432");
    const folder = SOCKET_FOLDERS.find((candidate) => existsSync(`${candidate}/.s.PGSQL.${port}`));
    added.push(`host=${encodeURIComponent(environment["PGHOST"] || (folder ?? "localhost"))}`);
  }
  if (parsed.username === "" && !searchParams.has("user")) {
    const user = environment["PGUSER"] || ownName();
    if (user) added.push(`user=${encodeURIComponent(user)}`);
  }
  return added.length === 0 ? url : `${url}${parsed.search === "" ? "?" : "&"}${added.join("&")}`;
}

/** Undefined for a user id without a name, as containers have. */
function ownName(): string | undefined {
  try {
    return userInfo().username;
  } catch {
    return undefined;
  }
}
