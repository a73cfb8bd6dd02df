import { HotpathError } from "../errors.ts";

/**
 * Checks the URL of an upstream: http or https, a host, perhaps a path. What is in it goes to no client and no log.
 *
 * @throws HotpathError HP_OPTION_INVALID
 */
export function checkUpstreamUrl(url: unknown): void {
  if (typeof url !== "string" || !isUpstreamUrl(url) || !URL.canParse(url)) {
    throw invalid("The URL of an upstream must begin with http:// or https:// and name a host.");
  }
  const { username, password, search, hash } = new URL(url);
  if (username !== "" || password !== "") {
    throw invalid(
      "The URL of an upstream must not hold a user or password; set Authorization with headers.setRequest.",
    );
  }
  if (search !== "" || hash !== "") throw invalid("The URL of an upstream must have neither query nor fragment.");
}

/** Whether a text names an upstream rather than a database. */
export function isUpstreamUrl(url: string): boolean {
  return /^https?:\/\/[^/?#]/i.test(url);
}

/** An upstream's URL for people, e.g. in a start-up message. */
export function describeUpstream(url: string): string {
  const { origin, pathname } = new URL(url);
  return pathname === "/" ? origin : origin + pathname;
}

function invalid(message: string): HotpathError {
  return new HotpathError("HP_OPTION_INVALID", message);
}
