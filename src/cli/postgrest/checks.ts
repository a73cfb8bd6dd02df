import { compileRolePath } from "../../auth/role-path.ts";

/** Checks of single settings. Each answers what is wrong, in PostgREST's own words, or nothing. */
type Check = (text: string) => string | undefined;

function oneOf(words: string, ...allowed: readonly string[]): Check {
  return (text) => (allowed.includes(text) ? undefined : `${words} Check your configuration.`);
}

export const checkTxEnd: Check = oneOf(
  "Invalid transaction termination.",
  "commit",
  "commit-allow-override",
  "rollback",
  "rollback-allow-override",
);
export const checkLogLevel: Check = oneOf("Invalid logging level.", "crit", "error", "warn", "info", "debug");
export const checkOpenApiMode: Check = oneOf(
  "Invalid openapi-mode.",
  "follow-privileges",
  "ignore-privileges",
  "disabled",
);
export const checkVerbosity: Check = oneOf("Invalid client-error-verbosity.", "verbose", "minimal");

/** As PostgREST, reads the octal digits that a mode begins with. */
export function checkMode(text: string, name: string): string | undefined {
  const [digits] = /^[0-7]+/.exec(text) ?? [];
  if (digits === undefined) return `Invalid ${name}: not an octal`;
  const mode = Number.parseInt(digits, 8);
  if (mode >= 0o600 && mode <= 0o777 && digits === text) return undefined;
  return `Invalid ${name}: needs to be between 600 and 777`;
}

/** RFC 7519 section 2: a text with a colon in it must be a URI (RFC 3986). */
export const checkAudience: Check = (text) =>
  !text.includes(":") || /^[A-Za-z][\w+.-]*:(?:[\w\-.~!$&'()*+,;=:@/?#[\]]|%[0-9A-Fa-f]{2})*$/.test(text)
    ? undefined
    : "jwt-aud should be a string or a valid URI";

export const checkProxyUri: Check = (text) => {
  const url = URL.parse(text);
  const isPlain = /^https?:\/\/[^/?#@]+(?:\/[^?#]*)?$/i.test(text) && url !== null && url.port !== "0";
  return isPlain ? undefined : "Malformed proxy uri, a correct example: https://example.com:8443/basePath";
};

export const checkRolePath: Check = (text) => {
  try {
    compileRolePath(text);
    return undefined;
  } catch (error) {
    return `failed to parse role-claim-key value (${text}): ${(error as Error).message}`;
  }
};
