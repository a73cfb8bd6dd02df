import { parseList } from "./structured-fields.ts";

/** RFC 9875 section 2: at least this many groups of this length must be supported. */
const MOST_GROUPS = 128;
const LONGEST_GROUP = 128;

/**
 * Parses `Cache-Groups` or `Cache-Group-Invalidation` (RFC 9875): the names of the groups, which hold within one origin. Members
 * that are no strings and names beyond 128 characters are left out, so are names beyond the 128th. Never throws.
 */
export function parseCacheGroups(value: string | readonly string[] | undefined): readonly string[] {
  if (value === undefined || value.length === 0) return [];
  const members = parseList(typeof value === "string" ? value : value.join(", ")) ?? [];
  const groups: string[] = [];
  for (const member of members) {
    if (!("item" in member) || member.item.kind !== "string") continue;
    if (member.item.value.length <= LONGEST_GROUP && groups.length < MOST_GROUPS) groups.push(member.item.value);
  }
  return groups;
}
