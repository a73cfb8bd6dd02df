import { Client, type ClientConfig } from "pg";
import { HotpathError } from "../../errors.ts";
import { connectError } from "./errors.ts";
import type { PoolSettings } from "./types.ts";
import { insideOf } from "./wire.ts";

/** A client for the settings' database, not yet connected. Start-up parameters cost no round trip. */
export function createClient(settings: PoolSettings, overrides: ClientConfig = {}): Client {
  try {
    const client = new Client({
      connectionString: settings.url,
      fallback_application_name: settings.applicationName ?? "hotpath",
      connectionTimeoutMillis: settings.connectTimeoutMs,
      statement_timeout: settings.statementTimeoutMs ?? false,
      keepAlive: true,
      keepAliveInitialDelayMillis: 10_000,
      ...overrides,
    });
    const { connectionParameters } = insideOf(client);
    connectionParameters.options = startupOptions(settings.startup ?? {}, connectionParameters.options);
    // pg's own timer would break the whole pipeline; a call's limit is the pool's affair.
    connectionParameters.query_timeout = false;
    return client;
  } catch {
    // The parser's error carries the URL, and so the password.
    throw new HotpathError("HP_OPTION_INVALID", "The database URL cannot be read.");
  }
}

/** Connects; rejects with `HP_DATABASE_REFUSED` or `HP_DATABASE_UNREACHABLE`. */
export async function connect(client: Client): Promise<void> {
  // After a failed attempt pg may report the same failure again, to nobody.
  client.on("error", ignore);
  try {
    await client.connect();
  } catch (error) {
    insideOf(client).connection.stream.destroy();
    throw connectError(error, client);
  }
}

/** Cuts a client off without a goodbye. */
export function destroyClient(client: Client): void {
  insideOf(client).connection.stream.destroy();
}

/** Switches as the server reads them: parted by spaces, which a backslash keeps (protocol, "StartupMessage"). */
function startupOptions(settings: Readonly<Record<string, string>>, own: string | undefined): string | undefined {
  const switches = Object.entries(settings).map(([name, value]) => `-c ${name}=${value.replace(/[\\\s]/g, "\\$&")}`);
  return [...switches, ...(own ? [own] : [])].join(" ") || undefined;
}

function ignore(): void {}
