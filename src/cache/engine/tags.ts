import { parseCacheGroups } from "../../http/cache-groups.ts";
import type { HttpRequest, ReplyHeaders } from "../../http/message.ts";

/** As `StoredReply.tags` promises. */
const MOST_TAGS = 128;
const LONGEST_TAG = 256;

/**
 * The names by which a reply can be purged: `Surrogate-Key` (separated by spaces), `Cache-Tag` (by commas), `Cache-Groups`
 * (RFC 9875), and those of the source. Longer ones than 256 characters and all beyond the 128th are left out.
 */
export function tagsOf(
  request: HttpRequest,
  headers: Readonly<ReplyHeaders>,
  own: readonly string[] | undefined,
): readonly string[] {
  const surrogate = headers["surrogate-key"];
  const cacheTag = headers["cache-tag"];
  const groups = headers["cache-groups"];
  if (surrogate === undefined && cacheTag === undefined && groups === undefined) {
    return own === undefined
      ? NONE
      : own.every(isTag) && own.length <= MOST_TAGS
        ? own
        : own.filter(isTag).slice(0, MOST_TAGS);
  }
  const tags = new Set(own);
  for (const tag of asText(surrogate).split(/\s+/)) tags.add(tag);
  for (const tag of asText(cacheTag).split(",")) tags.add(tag.trim());
  for (const tag of groupTags(request, groups)) tags.add(tag);
  return [...tags].filter(isTag).slice(0, MOST_TAGS);
}

function isTag(tag: string): boolean {
  return tag !== "" && tag.length <= LONGEST_TAG;
}

/** The tags of cache groups, which hold within the origin that names them (RFC 9875 section 2.1). */
export function groupTags(request: HttpRequest, field: string | string[] | undefined): readonly string[] {
  if (field === undefined) return NONE;
  const origin = `${request.scheme}://${request.authority.toLowerCase()}`;
  return parseCacheGroups(field).map((group) => `group:${origin}:${group}`);
}

const NONE: readonly string[] = [];

function asText(value: string | string[] | undefined): string {
  if (value === undefined) return "";
  return typeof value === "string" ? value : value.join(", ");
}
