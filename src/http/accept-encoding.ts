import { listElementEnd, listElementStart, parseWeight, tokenEnd, whitespaceEnd } from "./syntax.ts";

/** The content codings (RFC 9110 section 8.4.1) of an `Accept-Encoding` field with their weights. */
export interface CodingPreference {
  /** In lower case; `*` stands for every coding that is not listed. `x-gzip` is read as `gzip`. */
  readonly coding: string;
  readonly quality: number;
}

/** Parses an `Accept-Encoding` field in its order; malformed elements are left out. Never throws. */
export function parseAcceptEncoding(value: string): CodingPreference[] {
  const preferences: CodingPreference[] = [];
  let at = listElementStart(value, 0);
  while (at < value.length) {
    const end = listElementEnd(value, at);
    const preference = toPreference(value, at, end);
    if (preference !== undefined) preferences.push(preference);
    at = listElementStart(value, end);
  }
  return preferences;
}

/**
 * Picks the content coding to answer with (RFC 9110 section 12.5.3): of the offered ones that the client likes best, the
 * first. `identity` is chosen when no offered coding is acceptable or the client puts it above them all;
 * one that the client does not mention ranks below every coding it accepts.
 *
 * @param offered codings in the server's order of preference, without `identity`.
 * @returns `undefined` when nothing is acceptable, `identity` included; the RFC lets the server then send it all the same.
 */
export function negotiateEncoding<Coding extends string>(
  acceptEncoding: string | undefined,
  offered: readonly Coding[],
): Coding | "identity" | undefined {
  // Without the field any coding is acceptable, but a client that says nothing often cannot decode any.
  if (acceptEncoding === undefined) return "identity";
  const weights = toWeights(parseAcceptEncoding(acceptEncoding));
  const others = weights.get("*");
  let best: Coding | undefined;
  let bestQuality = 0;
  for (const coding of offered) {
    const quality = weights.get(coding) ?? others ?? 0;
    if (quality > bestQuality) {
      best = coding;
      bestQuality = quality;
    }
  }
  const identity = weights.get("identity");
  if (best === undefined) return (identity ?? others) === 0 ? undefined : "identity";
  return identity !== undefined && identity > bestQuality ? "identity" : best;
}

function toPreference(text: string, from: number, end: number): CodingPreference | undefined {
  const codingEnd = tokenEnd(text, from);
  if (codingEnd === from) return undefined;
  const name = text.slice(from, codingEnd).toLowerCase();
  const coding = name === "x-gzip" ? "gzip" : name;
  const parameter = whitespaceEnd(text, codingEnd);
  if (parameter >= end) return { coding, quality: 1 };
  const weight = /^;[ \t]*q=([^ \t]*)$/i.exec(text.slice(parameter, end).trimEnd());
  const quality = weight?.[1] === undefined ? undefined : parseWeight(weight[1]);
  return quality === undefined ? undefined : { coding, quality };
}

function toWeights(preferences: readonly CodingPreference[]): Map<string, number> {
  const weights = new Map<string, number>();
  for (const { coding, quality } of preferences) {
    // A coding listed twice keeps its higher weight.
    weights.set(coding, Math.max(quality, weights.get(coding) ?? 0));
  }
  return weights;
}
