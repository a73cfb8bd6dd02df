import { HotpathError } from "../errors.ts";
import type { HttpReply, HttpRequest } from "../http/message.ts";

/** What of the cache operators may remove. */
export interface Purger {
  purge(selector: { kind: "tags"; tags: readonly string[] } | { kind: "all" }): Promise<number>;
  purgeUrl(url: string): Promise<number>;
}

/**
 * `POST /purge?tag=…&tag=…`, `?url=https://…` (repeatable) or `?all`: removes stored replies, and those being fetched at
 * this moment. Answers how many keys went, as far as the stores can tell.
 *
 * @throws HotpathError HP_BAD_REQUEST when it says nothing or several things at once.
 */
export async function answerPurge(request: HttpRequest, purger: Purger | undefined): Promise<HttpReply> {
  // A browser says where a form comes from: the dashboard may send one, no other page.
  if (request.headers.origin !== undefined && !isOwnOrigin(request)) {
    throw new HotpathError("HP_BAD_REQUEST", "A purge does not come from another web page.");
  }
  if (purger === undefined) throw new HotpathError("HP_NOT_FOUND", "The cache is off.");
  const parameters = new URLSearchParams(request.query);
  const tags = parameters.getAll("tag");
  const urls = parameters.getAll("url");
  const kinds = [tags.length > 0, urls.length > 0, parameters.has("all")].filter(Boolean);
  if (kinds.length !== 1) {
    throw new HotpathError("HP_BAD_REQUEST", "A purge names tags, URLs, or all: exactly one of these.", {
      todo: "POST /purge?tag=NAME, /purge?url=URL or /purge?all",
    });
  }
  let purged = 0;
  if (parameters.has("all")) purged = await purger.purge({ kind: "all" });
  else if (tags.length > 0) purged = await purger.purge({ kind: "tags", tags });
  for (const url of urls) purged += await purger.purgeUrl(absolute(url));
  return toPurgeReply(purged);
}

function isOwnOrigin({ headers, authority, scheme }: HttpRequest): boolean {
  return headers.origin === `${scheme}://${authority}`;
}

/** Says how many keys a purge removed, as far as the stores can tell. */
export function toPurgeReply(purged: number): HttpReply {
  const headers = { "content-type": "application/json", "cache-control": "no-store" };
  return { status: 200, headers, body: JSON.stringify({ purged }) };
}

function absolute(url: string): string {
  if (URL.canParse(url) && /^https?:/i.test(url)) return url;
  throw new HotpathError("HP_BAD_REQUEST", "A URL to purge is absolute, as clients ask for it: http://host/path.");
}
