import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import {
  formatContentRange,
  formatUnsatisfiedRange,
  parseContentRange,
  selectByteRanges,
} from "../../src/http/range.ts";
import { hostileText, isLinear } from "./hostile.ts";

describe("byte ranges", () => {
  const cases: [string, string, number, ReturnType<typeof selectByteRanges>][] = [
    ["the first 500 bytes", "bytes=0-499", 10_000, [{ first: 0, last: 499 }]],
    ["the second 500 bytes", "bytes=500-999", 10_000, [{ first: 500, last: 999 }]],
    ["the final 500 bytes", "bytes=-500", 10_000, [{ first: 9500, last: 9999 }]],
    ["from 9500 on", "bytes=9500-", 10_000, [{ first: 9500, last: 9999 }]],
    [
      "first and last byte",
      "bytes=0-0,-1",
      10_000,
      [
        { first: 0, last: 0 },
        { first: 9999, last: 9999 },
      ],
    ],
    [
      "first, middle and last 1000",
      "bytes= 0-999, 4500-5499, -1000",
      10_000,
      [
        { first: 0, last: 999 },
        { first: 4500, last: 5499 },
        { first: 9000, last: 9999 },
      ],
    ],
    ["adjoining ranges", "bytes=500-600,601-999", 10_000, [{ first: 500, last: 999 }]],
    ["adjoining ranges backwards", "bytes=601-999,500-600", 10_000, [{ first: 500, last: 999 }]],
    ["overlapping ranges", "bytes=500-700,601-999", 10_000, [{ first: 500, last: 999 }]],
    ["a range that joins two", "bytes=0-1,8-9,1-8", 10, [{ first: 0, last: 9 }]],
    [
      "the order asked for",
      "bytes=5-6,0-1",
      10,
      [
        { first: 5, last: 6 },
        { first: 0, last: 1 },
      ],
    ],
    ["an end beyond the end", "bytes=5-99", 10, [{ first: 5, last: 9 }]],
    ["a suffix beyond the start", "bytes=-99", 10, [{ first: 0, last: 9 }]],
    ["a start beyond the end", "bytes=10-", 10, "unsatisfiable"],
    ["nothing of nothing", "bytes=0-", 0, "unsatisfiable"],
    ["a suffix of nothing", "bytes=-5", 0, "unsatisfiable"],
    ["the last zero bytes", "bytes=-0", 10, "unsatisfiable"],
    ["one satisfiable among others", "bytes=50-,0-1", 10, [{ first: 0, last: 1 }]],
    ["more digits than a number holds", "bytes=0-99999999999999999999999", 10, [{ first: 0, last: 9 }]],
    ["units in capitals", "Bytes=0-1", 10, [{ first: 0, last: 1 }]],
    ["an end before the start is malformed", "bytes=5-4", 10, undefined],
    ["one malformed range spoils the set", "bytes=0-1,x", 10, undefined],
    ["another unit", "items=0-1", 10, undefined],
    ["no unit, as PostgREST has it", "0-24", 10, undefined],
    ["nothing at all", "bytes=", 10, undefined],
    ["a lone dash", "bytes=-", 10, undefined],
    [
      "a seventeenth range",
      `bytes=${Array.from({ length: 17 }, (_, index) => `${index * 2}-${index * 2}`).join()}`,
      100,
      undefined,
    ],
  ];
  for (const [name, value, size, expected] of cases) {
    it(name, () => assert.deepEqual(selectByteRanges(value, size), expected));
  }

  it("cover exactly the bytes asked for, none twice", () => {
    const range = fc.tuple(fc.nat(30), fc.nat(30)).map(([first, length]) => ({ first, last: first + length }));
    fc.assert(
      fc.property(fc.array(range, { minLength: 1, maxLength: 16 }), fc.integer({ min: 1, max: 40 }), (ranges, size) => {
        const selected = selectByteRanges(
          `bytes=${ranges.map(({ first, last }) => `${first}-${last}`).join(", ")}`,
          size,
        );
        assert.ok(selected !== undefined);
        const wanted = new Set(ranges.flatMap((one) => bytesOf(one)).filter((byte) => byte < size));
        const sent = selected === "unsatisfiable" ? [] : selected.flatMap((one) => bytesOf(one));
        assert.equal(sent.length, new Set(sent).size);
        assert.deepEqual(new Set(sent), wanted);
      }),
    );
  });

  it("survive hostile values", () => {
    fc.assert(
      fc.property(hostileText(), fc.nat(), (value, size) => {
        const selected = selectByteRanges(`bytes=${value}`, size);
        if (Array.isArray(selected)) {
          for (const { first, last } of selected) assert.ok(first >= 0 && first <= last && last < size);
        }
        selectByteRanges(value, size);
        parseContentRange(value);
      }),
    );
    for (const piece of ["bytes=", "0-", "-", ",", " ", "9"])
      isLinear((text) => selectByteRanges(`bytes=${text}`, 10), piece);
  });
});

describe("Content-Range", () => {
  it("reads what it writes", () => {
    assert.equal(formatContentRange({ first: 42, last: 1233 }, 1234), "bytes 42-1233/1234");
    assert.equal(formatContentRange({ first: 42, last: 1233 }, undefined), "bytes 42-1233/*");
    assert.equal(formatUnsatisfiedRange(1234), "bytes */1234");
    assert.deepEqual(parseContentRange("bytes 42-1233/1234"), { unit: "bytes", first: 42, last: 1233, size: 1234 });
    assert.deepEqual(parseContentRange("bytes 42-1233/*"), { unit: "bytes", first: 42, last: 1233, size: undefined });
    assert.deepEqual(parseContentRange("bytes */1234"), {
      unit: "bytes",
      first: undefined,
      last: undefined,
      size: 1234,
    });
  });
  it("refuses contradictions", () => {
    for (const bad of ["bytes 5-4/10", "bytes 0-10/10", "bytes */*", "0-1/2", "bytes 0-1", "bytes -1/2", ""]) {
      assert.equal(parseContentRange(bad), undefined, bad);
    }
  });
});

function bytesOf({ first, last }: { readonly first: number; readonly last: number }): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}
