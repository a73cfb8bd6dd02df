import { ENCODINGS } from "../content/compression/index.ts";
import { decodeTag, type EntityTag, parseTagList } from "../http/etag.ts";

/**
 * Entity tags between a client and an upstream. The represent stage marks a tag with the content coding it applies
 * (`"abc"` goes out as `"abc-br"`), and field selection marks it with what was selected. Conditions must reach the upstream in
 * its own words, or `If-Match` would fail on content that has not changed.
 */
export interface TagMapping {
  /** What a tag that a client sent may be called at the upstream. Empty: the upstream cannot know it. */
  toUpstream(tag: string): readonly string[];
  /** What a tag of the upstream's is called by us, before any content coding. */
  fromUpstream(tag: string): string;
}

/** Tags of content that is passed on as it is, perhaps coded. */
export const PLAIN_TAGS: TagMapping = {
  // Both: an upstream may have tags of its own that end so (Apache's do).
  toUpstream: (tag) => {
    const plain = decodeTag(tag, ENCODINGS);
    return plain === tag ? [tag] : [tag, plain];
  },
  fromUpstream: (tag) => tag,
};

/** Tags of content from which a selection was taken; `mark` names the selection. */
export function selectedTags(mark: string): TagMapping {
  const suffix = `-${mark}"`;
  return {
    toUpstream: (tag) => {
      const plain = decodeTag(tag, ENCODINGS);
      return plain.endsWith(suffix) ? [`${plain.slice(0, -suffix.length)}"`] : [];
    },
    fromUpstream: (tag) => (tag.endsWith('"') ? `${tag.slice(0, -1)}${suffix}` : tag),
  };
}

/** A condition (`If-Match`, `If-None-Match`) in the upstream's words; `undefined` where none of its tags has any. */
export function mapCondition(field: string, mapping: TagMapping): string | undefined {
  const tags = parseTagList(field);
  if (tags === "*") return field;
  const mapped = new Set(tags.flatMap((tag) => mapping.toUpstream(formatTag(tag))));
  return mapped.size === 0 ? undefined : [...mapped].join(", ");
}

/** The tag for a 304: the one that the client sent for what the upstream calls `tag`. */
export function tagForClient(tag: string, sent: string | undefined, mapping: TagMapping): string {
  const tags = sent === undefined ? "*" : parseTagList(sent);
  const known =
    tags === "*"
      ? undefined
      : tags.map(formatTag).find((each) => mapping.toUpstream(each).some((one) => isSame(one, tag)));
  return known ?? mapping.fromUpstream(tag);
}

function isSame(one: string, other: string): boolean {
  return one.replace(/^W\//, "") === other.replace(/^W\//, "");
}

function formatTag({ opaque, weak }: EntityTag): string {
  return weak ? `W/"${opaque}"` : `"${opaque}"`;
}
