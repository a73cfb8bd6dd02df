import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { currentHttpDate, formatHttpDate, parseHttpDate } from "../../src/http/date.ts";
import { hostileText } from "./hostile.ts";

const EXAMPLE_MS = Date.UTC(1994, 10, 6, 8, 49, 37);
const NOW_MS = Date.UTC(2026, 5, 1);

describe("HTTP dates", () => {
  it("reads the three forms of RFC 9110 section 5.6.7 and writes the first", () => {
    for (const form of [
      "Sun, 06 Nov 1994 08:49:37 GMT",
      "Sunday, 06-Nov-94 08:49:37 GMT",
      "Sun Nov  6 08:49:37 1994",
    ]) {
      assert.equal(parseHttpDate(form, NOW_MS), EXAMPLE_MS, form);
    }
    assert.equal(formatHttpDate(EXAMPLE_MS + 999), "Sun, 06 Nov 1994 08:49:37 GMT");
  });

  it("puts a two-digit year at most 50 years ahead", () => {
    assert.equal(parseHttpDate("Sunday, 06-Nov-76 08:49:37 GMT", NOW_MS), Date.UTC(2076, 10, 6, 8, 49, 37));
    assert.equal(parseHttpDate("Sunday, 06-Nov-77 08:49:37 GMT", NOW_MS), Date.UTC(1977, 10, 6, 8, 49, 37));
  });

  it("refuses what is no date", () => {
    const bad = [
      "",
      "0",
      "1994-11-06T08:49:37Z",
      "Sun, 06 Nov 1994 08:49:37 UTC",
      "Sun, 6 Nov 1994 08:49:37 GMT",
      "sun, 06 nov 1994 08:49:37 gmt",
      "Sun, 31 Feb 1994 08:49:37 GMT",
      "Sun, 00 Nov 1994 08:49:37 GMT",
      "Sun, 06 Nov 1994 24:49:37 GMT",
      "Sun, 06 Nov 1994 08:60:37 GMT",
      "Sun, 06 Nov 1994 08:49:61 GMT",
      "Sun, 06 Nov 1994 08:49:37 GMT ",
      "Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT",
    ];
    for (const value of bad) assert.equal(parseHttpDate(value, NOW_MS), undefined, value);
  });

  it("takes a leap second and a leap day", () => {
    assert.equal(parseHttpDate("Sat, 31 Dec 2016 23:59:60 GMT"), Date.UTC(2017, 0, 1));
    assert.equal(parseHttpDate("Thu, 29 Feb 2024 00:00:00 GMT"), Date.UTC(2024, 1, 29));
    assert.equal(parseHttpDate("Tue, 29 Feb 2023 00:00:00 GMT"), undefined);
  });

  it("reads every time it writes, to the second", () => {
    fc.assert(
      fc.property(fc.integer({ min: -62_167_219_200_000, max: 253_402_300_799_999 }), (time) => {
        assert.equal(parseHttpDate(formatHttpDate(time)), Math.floor(time / 1000) * 1000);
      }),
    );
  });

  it("always writes a date, and reads hostile text without harm", () => {
    fc.assert(fc.property(fc.double(), (time) => parseHttpDate(formatHttpDate(time)) !== undefined));
    fc.assert(fc.property(hostileText(), (text) => parseHttpDate(text) === undefined));
  });

  it("renders the current date by the second", () => {
    assert.equal(currentHttpDate(EXAMPLE_MS), "Sun, 06 Nov 1994 08:49:37 GMT");
    assert.equal(currentHttpDate(EXAMPLE_MS + 999), "Sun, 06 Nov 1994 08:49:37 GMT");
    assert.equal(currentHttpDate(EXAMPLE_MS + 1000), "Sun, 06 Nov 1994 08:49:38 GMT");
  });
});
