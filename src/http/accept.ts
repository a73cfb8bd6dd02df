import { type MediaType, parseMediaType, readMediaType } from "./media-type.ts";
import { listElementEnd, listElementStart, parseWeight, whitespaceEnd } from "./syntax.ts";

/** One element of an `Accept` field; `q` and what follows it are not among the parameters. */
export interface MediaRange extends MediaType {
  /** Between 0 (not acceptable) and 1. */
  readonly quality: number;
}

/**
 * Parses an `Accept` field (RFC 9110 section 12.5.1) into its ranges, in the order of the field. Malformed elements,
 * among them those with a weight that is none, are left out. Never throws.
 */
export function parseAccept(value: string): MediaRange[] {
  const ranges: MediaRange[] = [];
  let at = listElementStart(value, 0);
  while (at < value.length) {
    const read = readMediaType(value, at);
    const end = listElementEnd(value, read?.end ?? at);
    if (read !== undefined && whitespaceEnd(value, read.end) === end) {
      const range = toRange(read.media);
      if (range !== undefined) ranges.push(range);
    }
    at = listElementStart(value, end);
  }
  return ranges;
}

/**
 * Picks the media type to answer with: of the offers that the client likes best, the first. Each offer has the weight
 * of the most specific range that matches it. Without an `Accept` field everything is acceptable.
 *
 * @returns the offer as given, or `undefined` when none is acceptable.
 */
export function negotiateMediaType(accept: string | undefined, offers: readonly string[]): string | undefined {
  if (accept === undefined || accept === "*/*" || accept.trim() === "") return offers[0];
  const ranges = parseAccept(accept);
  let best: string | undefined;
  let bestQuality = 0;
  for (const offer of offers) {
    const quality = qualityOf(offer, ranges);
    if (quality > bestQuality) {
      best = offer;
      bestQuality = quality;
    }
  }
  return best;
}

/** The weight that a list of ranges gives a media type: 0 when it is not acceptable. */
export function qualityOf(mediaType: string, ranges: readonly MediaRange[]): number {
  const media = parseMediaType(mediaType);
  if (media === undefined) return 0;
  let specificity = -1;
  let quality = 0;
  for (const range of ranges) {
    const candidate = specificityFor(range, media);
    if (candidate < 0 || candidate < specificity) continue;
    // Of two equally specific ranges the kinder counts.
    quality = candidate > specificity ? range.quality : Math.max(quality, range.quality);
    specificity = candidate;
  }
  return quality;
}

function toRange(media: MediaType): MediaRange | undefined {
  const weight = media.parameters.get("q");
  if (weight === undefined) return { ...media, quality: 1 };
  const quality = parseWeight(weight);
  if (quality === undefined) return undefined;
  const parameters = new Map<string, string>();
  for (const [name, value] of media.parameters) {
    if (name === "q") break;
    parameters.set(name, value);
  }
  return { type: media.type, subtype: media.subtype, parameters, quality };
}

/** How closely a range fits: -1 not at all, 0 anything, 1 the type, 2 type and subtype, above that its parameters. */
function specificityFor(range: MediaRange, media: MediaType): number {
  if (range.type === "*") return range.subtype === "*" ? 0 : -1;
  if (range.type !== media.type) return -1;
  if (range.subtype === "*") return 1;
  if (range.subtype !== media.subtype) return -1;
  for (const [name, value] of range.parameters) {
    const offered = media.parameters.get(name);
    if (offered?.toLowerCase() === value.toLowerCase()) continue;
    // Everything we offer is UTF-8, said or not, and clients like to ask for it.
    if (offered === undefined && name === "charset" && value.toLowerCase() === "utf-8") continue;
    return -1;
  }
  return 2 + range.parameters.size;
}
