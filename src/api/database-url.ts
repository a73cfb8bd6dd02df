import { HotpathError } from "../errors.ts";

/**
 * Refuses what cannot be a PostgreSQL connection URL. The URL itself never appears in the message: it may hold a password.
 *
 * @throws HotpathError HP_OPTION_INVALID
 */
export function checkDatabaseUrl(url: unknown): asserts url is string {
  if (typeof url !== "string" || url === "") {
    throw invalid("The database must be given as a URL such as postgres://user:password@host:5432/database.");
  }
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(url)?.[1]?.toLowerCase();
  if (scheme !== "postgres" && scheme !== "postgresql") {
    const received = scheme === undefined ? "text that is no URL" : `a URL that begins with ${scheme}:`;
    throw invalid(`The database's URL must begin with postgres:// or postgresql://; received ${received}.`);
  }
  if (parse(url) === undefined) {
    throw invalid(
      "The database's URL cannot be read. Percent-encode special characters of user and password " +
        "(a # as %23, a / as %2F, an @ as %40).",
    );
  }
}

/** A database as people may see it: host, port and name, without user, password and parameters. */
export function describeDatabase(url: string): string {
  const parsed = parse(url);
  if (!parsed) return "a database";
  const host = parsed.searchParams.get("host") ?? parsed.hostname;
  const name = decodeURIComponent(parsed.pathname.slice(1)) || "(default)";
  return host === "" ? name : `${name} at ${decodeURIComponent(host)}${parsed.port && `:${parsed.port}`}`;
}

/** Host and port alone, for labels. */
export function addressOf(url: string): string {
  const parsed = parse(url);
  if (!parsed) return "unknown";
  const host = parsed.searchParams.get("host") ?? parsed.hostname;
  return `${decodeURIComponent(host) || "localhost"}:${parsed.port || (parsed.searchParams.get("port") ?? "5432")}`;
}

/** libpq allows a user without a host (`postgres://user@/name`), the URL standard does not: a stand-in bridges that. */
function parse(url: string): URL | undefined {
  const standIn = "no-host.invalid";
  const parsed = URL.parse(url) ?? URL.parse(url.replace("@/", `@${standIn}/`));
  if (!parsed) return undefined;
  if (parsed.hostname === standIn) parsed.hostname = "";
  return parsed;
}

function invalid(message: string): HotpathError {
  return new HotpathError("HP_OPTION_INVALID", message, { todo: "Use a URL of this form, or write a config file." });
}
