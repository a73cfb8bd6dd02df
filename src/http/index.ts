export { type MediaRange, negotiateMediaType, parseAccept, qualityOf } from "./accept.ts";
export { type CodingPreference, negotiateEncoding, parseAcceptEncoding } from "./accept-encoding.ts";
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
  tagDigest,
} from "./etag.ts";
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
export { addVary, parseVary } from "./vary.ts";
