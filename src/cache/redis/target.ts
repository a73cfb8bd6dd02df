import { HotpathError } from "../../errors.ts";

/** Where Redis is. `urls` begin with `redis://` or `rediss://` (TLS). */
export type RedisTarget =
  | { readonly kind: "single"; readonly url: string }
  | { readonly kind: "cluster"; readonly urls: readonly string[] }
  | {
      readonly kind: "sentinel";
      /** Name of the monitored master. */
      readonly master: string;
      /** The sentinels. Credentials in their URLs are the sentinels' own. */
      readonly urls: readonly string[];
      /** The master's. */
      readonly username?: string;
      readonly password?: string;
      readonly database?: number;
    };

/**
 * Reads the URL of option `cache.redis`:
 * `redis[s]://[user:password@]host[:port][/database]`, `redis[s]+cluster://[user:password@]host:port,host:port`,
 * `redis[s]+sentinel://[user:password@]host:port,host:port/master[/database]`.
 *
 * @throws HotpathError HP_OPTION_INVALID; the message shows no password
 */
export function parseRedisUrl(text: string): RedisTarget {
  const match = /^(rediss?)(?:\+(cluster|sentinel))?:\/\/(?:([^@/]*)@)?([^@/]+)(\/[^?#]*)?$/.exec(text);
  if (match === null) throw invalid();
  const [, scheme, kind, credentials, hosts = "", path = ""] = match;
  if (kind === undefined) {
    if (!URL.canParse(text)) throw invalid();
    return { kind: "single", url: text };
  }
  const withCredentials = credentials !== undefined && kind === "cluster" ? `${credentials}@` : "";
  const urls = hosts.split(",").map((host) => `${scheme}://${withCredentials}${host}`);
  if (!urls.every((url) => URL.canParse(url))) throw invalid();
  if (kind === "cluster") return { kind, urls };
  const [master = "", database] = path.slice(1).split("/");
  if (master === "" || (database !== undefined && !/^\d{1,4}$/.test(database))) throw invalid();
  return { kind: "sentinel", master, urls, ...readCredentials(credentials), ...(database && { database: +database }) };
}

function readCredentials(credentials: string | undefined): { username?: string; password?: string } {
  if (credentials === undefined) return {};
  const [username = "", password] = credentials.split(":").map(decodeURIComponent);
  return { ...(username !== "" && { username }), ...(password !== undefined && { password }) };
}

function invalid(): HotpathError {
  const forms = "redis://host:6379/0, redis+cluster://host:6379,host:6380 or redis+sentinel://host:26379/master";
  return new HotpathError("HP_OPTION_INVALID", `cache.redis must look like ${forms}; received another text.`);
}
