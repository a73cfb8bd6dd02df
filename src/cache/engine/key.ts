import { hash } from "node:crypto";
import type { HttpRequest } from "../../http/message.ts";

/**
 * The cache key of a request: its URL, and who asks where replies are kept apart by that. GET and HEAD share it. Nothing else is in
 * it; what else a reply depends on, its `Vary` tells.
 *
 * @param identity empty where a reply may serve everybody.
 */
export function keyOf(request: HttpRequest, identity: string): string {
  const url = `${request.scheme}://${request.authority.toLowerCase()}${request.target}`;
  // No URL holds a space, so the two cannot run into each other.
  return identity === "" ? url : `${url} ${identity}`;
}

/** The key of an absolute URL, without identity; `undefined` when it is none. */
export function keyOfUrl(url: string): string | undefined {
  const parsed = URL.parse(url);
  if (parsed === null || (parsed.protocol !== "http:" && parsed.protocol !== "https:")) return undefined;
  return `${parsed.protocol}//${parsed.host}${parsed.pathname}${parsed.search}`;
}

/** Names all replies of one URL that are kept apart by identity, so that they can be purged together. */
export function urlTag(key: string): string {
  const url = urlOf(key);
  return `url:${url.length <= LONGEST_TAGGED ? url : hash("sha256", url, "base64url").slice(0, 22)}`;
}

/** A longer URL would make a tag that is too long. */
const LONGEST_TAGGED = 250;

/** A key without whom it is for. */
export function urlOf(key: string): string {
  const end = key.indexOf(" ");
  return end === -1 ? key : key.slice(0, end);
}
