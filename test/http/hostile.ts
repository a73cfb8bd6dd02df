import assert from "node:assert/strict";
import fc from "fast-check";

/** Field values as an attacker would write them: mostly the characters that parsers act on. */
export function hostileText(): fc.Arbitrary<string> {
  const piece = fc.oneof(
    fc.constantFrom(
      '"',
      "\\",
      ",",
      ";",
      "=",
      "<",
      ">",
      "*",
      "/",
      "-",
      " ",
      "\t",
      "W/",
      "q=",
      "bytes=",
      "rel",
      "%",
      "'",
    ),
    fc.constantFrom("0", "9", "99999999999999999999", "a", "é", "\u0000", "\r\n", "\uD800", "__proto__", "UTF-8''%ZZ"),
    fc.string({ maxLength: 4, unit: "binary" }),
  );
  return fc.array(piece, { maxLength: 60 }).map((pieces) => pieces.join(""));
}

/**
 * Fails when reading a long run of `piece` takes disproportionately longer than reading a shorter one: 64 times the length
 * may take 64 times as long, and is allowed eight times that; a quadratic parser needs 4,096 times as long.
 */
export function isLinear(parse: (text: string) => unknown, piece: string): void {
  const short = piece.repeat(512);
  const long = piece.repeat(512 * 64);
  parse(short);
  const shortMs = Math.min(timed(parse, short), timed(parse, short), timed(parse, short));
  // Never below 0.05 ms, or the clock decides.
  const allowedMs = Math.max(0.05, shortMs) * 64 * 8;
  assert.ok(timed(parse, long) < allowedMs, `not linear in runs of ${JSON.stringify(piece)}`);
}

function timed(parse: (text: string) => unknown, text: string): number {
  const start = performance.now();
  parse(text);
  return performance.now() - start;
}
