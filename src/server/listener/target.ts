/** A request target taken apart, or why it is refused. */
export interface Target {
  /** Origin-form, or `*`. */
  readonly target: string;
  /** Authority of an absolute-form target, which outranks `Host` (RFC 9112 section 3.2.2). */
  readonly authority: string | undefined;
}

/**
 * Reads a request target in origin-form, absolute-form or asterisk-form (RFC 9112 section 3.2); `undefined` for
 * anything else. `*` belongs to OPTIONS alone. A fragment never belongs in a target.
 */
export function parseTarget(method: string, received: string): Target | undefined {
  if (received.startsWith("/")) return isOriginForm(received) ? { target: received, authority: undefined } : undefined;
  if (received === "*") return method === "OPTIONS" ? { target: "*", authority: undefined } : undefined;
  const absolute = ABSOLUTE_FORM.exec(received);
  if (absolute === null) return undefined;
  const [, authority = "", rest = ""] = absolute;
  if (!isAuthority(authority)) return undefined;
  // An absolute-form OPTIONS without a path means `*` (RFC 9112 section 3.2.4).
  if (rest === "") return { target: method === "OPTIONS" ? "*" : "/", authority };
  const target = rest.startsWith("/") ? rest : `/${rest}`;
  return isOriginForm(target) ? { target, authority } : undefined;
}

/**
 * Whether a target that begins with a slash is one: no fragment, and a path without characters that no URI holds, as
 * which what stands behind us might take something else (`\` for `/`), and without a NUL or a line break, however
 * escaped. Queries are let be: clients write `{`, `"` and `|` there as they come.
 */
export function isOriginForm(target: string): boolean {
  const end = target.indexOf("?");
  return !BAD_PATH.test(end === -1 ? target : target.slice(0, end)) && (end === -1 || !target.includes("#", end));
}

/** Whether a `Host` or `:authority` value is a host with an optional port: no user, no path, no list, not empty. */
export function isAuthority(value: string): boolean {
  if (value === lastGood) return true;
  if (value.length > MAX_AUTHORITY_LENGTH) return false;
  const match = AUTHORITY.exec(value);
  if (match === null || Number(match[1] ?? 0) > 65_535) return false;
  lastGood = value;
  return true;
}

// RFC 3986: a reg-name (without `,;=` and quotes, which no host that exists has and which smuggle lists), or an IP literal.
const AUTHORITY = /^(?:[A-Za-z0-9._~!$&()*+-]|%[0-9A-Fa-f]{2})+(?::(\d{0,5}))?$|^\[[0-9A-Fa-fv:.]+\](?::\d{0,5})?$/;
const BAD_PATH = /[#\\"<>^`{|}]|%0[0ad]/i;
const ABSOLUTE_FORM = /^https?:\/\/([^/?]*)(.*)$/i;
const MAX_AUTHORITY_LENGTH = 512;

// Nearly every request of a server names the same host: comparing with the last good one spares the expression.
let lastGood = "localhost";
