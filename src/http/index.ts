export { type MediaRange, negotiateMediaType, parseAccept, qualityOf } from "./accept.ts";
export { type CodingPreference, negotiateEncoding, parseAcceptEncoding } from "./accept-encoding.ts";
export { type CacheControl, NO_DIRECTIVES, parseCacheControl } from "./cache-control.ts";
export { parseCacheGroups } from "./cache-groups.ts";
export { addCacheStatus, type CacheStatus, formatCacheStatus, type ForwardReason } from "./cache-status.ts";
export { freshenHeaders, isSameContent } from "./cache-update.ts";
export {
  type ConditionalFields,
  evaluatePreconditions,
  isConditional,
  isRangeApplicable,
  type Precondition,
  type Validators,
} from "./conditional.ts";
export { currentHttpDate, formatHttpDate, parseHttpDate } from "./date.ts";
export {
  decodeTag,
  encodeTag,
  type EntityTag,
  listsTag,
  matchesStrongly,
  matchesWeakly,
  parseEntityTag,
  parseTagList,
  tagContent,
  tagMetadata,
  tagParts,
} from "./etag.ts";
export {
  ageMs,
  type ExchangeTimes,
  type Freshness,
  type FreshnessRules,
  judgeUse,
  mayServeOnError,
  measureFreshness,
  parseAge,
  parseCacheDate,
  type Use,
} from "./freshness.ts";
export { isHopByHop, withoutHopByHop } from "./hop-by-hop.ts";
export { invalidatedUrls, isSafeMethod } from "./invalidation.ts";
export { findLink, formatLink, type Link, parseLink } from "./link.ts";
export { type MediaType, parseMediaType } from "./media-type.ts";
export type { HttpReply, HttpRequest, ReplyHeaders } from "./message.ts";
export { toNotModifiedHeaders, withoutContentFields } from "./not-modified.ts";
export { type Problem, toProblem, toProblemReply } from "./problem.ts";
export {
  type ByteRange,
  type ContentRange,
  formatContentRange,
  formatUnsatisfiedRange,
  parseContentRange,
  selectByteRanges,
} from "./range.ts";
export {
  isForAll,
  isHeuristicStatus,
  isStorable,
  isUnderstoodStatus,
  type StorableRequest,
  type StorageRules,
  toStoredHeaders,
} from "./storable.ts";
export {
  type BareItem,
  type InnerList,
  type Item,
  type Member,
  type Parameters,
  parseDictionary,
  parseItem,
  parseList,
} from "./structured-fields.ts";
export { formatDictionary, formatItem, formatList } from "./structured-fields-format.ts";
export { parseTargetedControl, readReplyDirectives, type ReplyDirectives } from "./targeted.ts";
export { addVary, parseVary } from "./vary.ts";
export { isSelectedBy, normaliseField, type Selection, toSelection } from "./vary-key.ts";
export { addVia, hasPassed } from "./via.ts";
