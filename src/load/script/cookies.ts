/** A cookie as a server set it, by k6's names. */
export interface Cookie {
  readonly name: string;
  readonly value: string;
  readonly domain: string;
  readonly path: string;
  readonly http_only: boolean;
  readonly secure: boolean;
  /** Seconds; 0: not stated. */
  readonly max_age: number;
  /** Milliseconds since the epoch; 0: not stated. */
  readonly expires: number;
}

interface Stored extends Cookie {
  readonly isHostOnly: boolean;
  /** Milliseconds since the epoch; Infinity: the session's. */
  readonly until: number;
}

const MAX_COOKIES = 1000;

/** Reads one Set-Cookie field (RFC 6265, section 5.2); undefined: it is none. */
export function parseSetCookie(field: string): Cookie | undefined {
  const [pair = "", ...attributes] = field.split(";");
  const equals = pair.indexOf("=");
  const name = pair.slice(0, equals).trim();
  if (equals <= 0 || name === "") return undefined;
  const found = new Map(
    attributes.map((attribute): [string, string] => {
      const at = attribute.indexOf("=");
      return at < 0
        ? [attribute.trim().toLowerCase(), ""]
        : [attribute.slice(0, at).trim().toLowerCase(), attribute.slice(at + 1).trim()];
    }),
  );
  const expires = Date.parse(found.get("expires") ?? "");
  const maxAge = Number(found.get("max-age") ?? NaN);
  return {
    name,
    value: pair
      .slice(equals + 1)
      .trim()
      .replace(/^"(.*)"$/, "$1"),
    domain: (found.get("domain") ?? "").replace(/^\./, "").toLowerCase(),
    path: found.get("path") ?? "",
    http_only: found.has("httponly"),
    secure: found.has("secure"),
    max_age: Number.isFinite(maxAge) ? maxAge : 0,
    expires: Number.isFinite(expires) ? expires : 0,
  };
}

/** k6's `CookieJar`. */
export class CookieJar {
  readonly #stored = new Map<string, Stored>();

  /** Values by name, of cookies that a request to the URL would carry. */
  cookiesForURL(url: string): Record<string, string[]> {
    const found: Record<string, string[]> = {};
    for (const { name, value } of this.#matching(new URL(url))) (found[name] ??= []).push(value);
    return found;
  }

  set(url: string, name: string, value: unknown, options: Readonly<Record<string, unknown>> = {}): boolean {
    const text = (key: string): string => (typeof options[key] === "string" ? options[key] : "");
    const expires = Date.parse(text("expires"));
    this.#store(new URL(url), {
      name,
      value: String(value),
      domain: text("domain").replace(/^\./, "").toLowerCase(),
      path: text("path"),
      http_only: options["http_only"] === true,
      secure: options["secure"] === true,
      max_age: typeof options["max_age"] === "number" ? options["max_age"] : 0,
      expires: Number.isFinite(expires) ? expires : 0,
    });
    return true;
  }

  clear(url: string): void {
    for (const cookie of this.#matching(new URL(url))) this.#stored.delete(keyOf(cookie));
  }

  delete(url: string, name: string): void {
    for (const cookie of this.#matching(new URL(url))) if (cookie.name === name) this.#stored.delete(keyOf(cookie));
  }

  /** Keeps what a reply sets. */
  keep(url: URL, cookie: Cookie): void {
    this.#store(url, cookie);
  }

  get isEmpty(): boolean {
    return this.#stored.size === 0;
  }

  /** Pairs for the Cookie field. */
  pairsFor(url: URL): (readonly [string, string])[] {
    if (this.#stored.size === 0) return [];
    return this.#matching(url).map(({ name, value }) => [name, value] as const);
  }

  #store(url: URL, cookie: Cookie): void {
    const host = url.hostname;
    // A server speaks for its own domain alone.
    if (cookie.domain !== "" && cookie.domain !== host && !host.endsWith(`.${cookie.domain}`)) return;
    const stored: Stored = {
      ...cookie,
      domain: cookie.domain === "" ? host : cookie.domain,
      isHostOnly: cookie.domain === "",
      path: cookie.path.startsWith("/") ? cookie.path : defaultPath(url.pathname),
      until:
        cookie.max_age !== 0 ? Date.now() + cookie.max_age * 1000 : cookie.expires !== 0 ? cookie.expires : Infinity,
    };
    this.#stored.delete(keyOf(stored));
    if (stored.until <= Date.now() || this.#stored.size >= MAX_COOKIES) return;
    this.#stored.set(keyOf(stored), stored);
  }

  #matching({ hostname, pathname, protocol }: URL): Stored[] {
    const now = Date.now();
    return [...this.#stored.values()]
      .filter(
        ({ domain, isHostOnly, path, secure, until }) =>
          (hostname === domain || (!isHostOnly && hostname.endsWith(`.${domain}`))) &&
          (pathname === path || (pathname.startsWith(path) && (path.endsWith("/") || pathname[path.length] === "/"))) &&
          (!secure || protocol === "https:") &&
          until > now,
      )
      .sort((a, b) => b.path.length - a.path.length);
  }
}

function keyOf({ domain, path, name }: Stored): string {
  return `${domain};${path};${name}`;
}

function defaultPath(pathname: string): string {
  const at = pathname.lastIndexOf("/");
  return at <= 0 ? "/" : pathname.slice(0, at);
}
