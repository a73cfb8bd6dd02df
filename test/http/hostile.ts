import assert from "node:assert/strict";
import * as fc from "fast-check";

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
    // Any code unit, lone surrogates included. fast-check's own binary strings take half a second to set up.
    fc.nat(0xffff).map((code) => String.fromCharCode(code)),
    fc.nat(0xff).map((code) => String.fromCharCode(code)),
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
  for (let tries = 1; ; tries++) {
    // Never below 0.2 ms, or the clock and whoever shares the machine decide.
    const allowedMs = Math.max(0.2, fastest(parse, short)) * 64 * 8;
    if (fastest(parse, long) < allowedMs) return;
    // A quadratic parser is so every time, a busy machine is not.
    assert.ok(tries < MOST_TRIES, `not linear in runs of ${JSON.stringify(piece)}`);
  }
}

const MOST_TRIES = 5;

function fastest(parse: (text: string) => unknown, text: string): number {
  return Math.min(timed(parse, text), timed(parse, text), timed(parse, text));
}

function timed(parse: (text: string) => unknown, text: string): number {
  const start = performance.now();
  parse(text);
  return performance.now() - start;
}
