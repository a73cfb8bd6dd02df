import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { negotiateMediaType, parseAccept, qualityOf } from "../../src/http/accept.ts";
import { negotiateEncoding, parseAcceptEncoding } from "../../src/http/accept-encoding.ts";
import { parseMediaType } from "../../src/http/media-type.ts";
import { hostileText, isLinear } from "./hostile.ts";

describe("Accept", () => {
  it("gives each type the weight of the most specific range (RFC 9110 section 12.5.1)", () => {
    const ranges = parseAccept(
      "text/*;q=0.3, text/plain;q=0.7, text/plain;format=flowed, text/plain;format=fixed;q=0.4, */*;q=0.5",
    );
    const expected: [string, number][] = [
      ["text/plain;format=flowed", 1],
      ["text/plain", 0.7],
      ["text/html", 0.3],
      ["image/jpeg", 0.5],
      ["text/plain;format=fixed", 0.4],
      ["text/html;level=3", 0.3],
    ];
    for (const [mediaType, quality] of expected) assert.equal(qualityOf(mediaType, ranges), quality, mediaType);
  });

  const offers = ["application/json", "text/csv", "application/x-protobuf"];
  const cases: [string | undefined, string | undefined, string][] = [
    [undefined, "application/json", "no field accepts anything"],
    ["", "application/json", "an empty field says nothing"],
    ["*/*", "application/json", "anything"],
    ["text/csv, application/json", "application/json", "equal weights leave the choice to the server"],
    ["text/csv, application/json;q=0.9", "text/csv", "the client's best wins over the server's order"],
    ["*/*, application/json;q=0", "text/csv", "a specific refusal beats a general welcome"],
    ["image/png", undefined, "nothing on offer"],
    ["TEXT/CSV", "text/csv", "types are case-insensitive"],
    ["application/json; charset=utf-8", "application/json", "what we offer is UTF-8 anyway"],
    ["application/json; charset=latin1", undefined, "but not in another charset"],
    ["text/html, *; q=.2, */*; q=.2", "application/json", "Java's old client"],
    ["text/csv;q=nonsense, application/x-protobuf", "application/x-protobuf", "a malformed weight drops its element"],
    [',, ;q=1, text/csv;x="a,b;q=0";q=0.5,', undefined, "parameters narrow a range, quoted commas do not end it"],
    ["text/csv;q=0.0001", "text/csv", "more than three decimals"],
    ["application/x-protobuf; options=;, image/png", undefined, "an empty value narrows like any other"],
    ["image/png; options=;, text/csv", "text/csv", "and spoils nothing"],
  ];
  for (const [accept, expected, name] of cases) {
    it(`negotiates: ${name}`, () => assert.equal(negotiateMediaType(accept, offers), expected));
  }

  it("reads ranges written in any legal way", () => {
    const name = fc.stringMatching(/^[a-z][a-z0-9.+-]{0,8}$/);
    const element = fc.record({ type: name, subtype: name, value: fc.string(), q: fc.integer({ min: 0, max: 1000 }) });
    fc.assert(
      fc.property(fc.array(element, { minLength: 1 }), fc.constantFrom(",", ", ", " ,\t", ",,"), (elements, comma) => {
        const field = elements
          .map(({ type, subtype, value, q }) => {
            const quoted = `"${value.replace(/["\\]/g, "\\$&")}"`;
            return `${type}/${subtype} ; v=${quoted};Q=${q / 1000}`;
          })
          .join(comma);
        const parsed = parseAccept(field).map((range) => ({
          type: range.type,
          subtype: range.subtype,
          value: range.parameters.get("v"),
          q: Math.round(range.quality * 1000),
        }));
        assert.deepEqual(
          parsed,
          elements.map((one) => ({ ...one })),
        );
      }),
    );
  });

  it("survives hostile values", () => {
    fc.assert(
      fc.property(hostileText(), fc.array(hostileText()), (field, types) => {
        for (const range of parseAccept(field)) assert.ok(range.quality >= 0 && range.quality <= 1);
        const chosen = negotiateMediaType(field, types);
        assert.ok(chosen === undefined || types.includes(chosen));
        parseMediaType(field);
      }),
    );
    for (const piece of ['a/b;c="\\', 'a/b;c="', ";", ",", "a/b;q=", '"', "*/*;;;", "a/b;x=y"]) {
      isLinear((text) => parseAccept(text), piece);
    }
  });
});

describe("Accept-Encoding", () => {
  const offered = ["zstd", "br", "gzip"] as const;
  const cases: [string | undefined, string | undefined, string][] = [
    [undefined, "identity", "no field: no coding is safe"],
    ["", "identity", "an empty field wants none"],
    ["gzip, deflate, br, zstd", "zstd", "a browser leaves the choice to the server"],
    ["gzip, deflate, br", "br", "an older browser"],
    ["compress, gzip", "gzip", "RFC 9110 section 12.5.3, first example"],
    ["*", "zstd", "RFC 9110, third example"],
    ["compress;q=0.5, gzip;q=1.0", "gzip", "RFC 9110, fourth example"],
    ["gzip;q=1.0, identity; q=0.5, *;q=0", "gzip", "RFC 9110, fifth example"],
    ["zstd;q=0.5, gzip;q=0.8", "gzip", "the client's best wins"],
    ["gzip;q=0.5, identity", "identity", "identity above all"],
    ["gzip, identity", "gzip", "a tie goes to the coding"],
    ["gzip;q=0.001", "gzip", "identity unmentioned ranks below"],
    ["gzip;q=0", "identity", "a refused coding"],
    ["*;q=0", undefined, "nothing is acceptable"],
    ["identity;q=0", undefined, "identity refused, nothing else listed"],
    ["identity;q=0, *", "zstd", "anything but identity"],
    ["identity, *;q=0", "identity", "identity only"],
    ["*;q=0, br;q=0.1", "br", "a listed coding is not under the star"],
    ["deflate", "identity", "a coding that is not offered"],
    ["GZIP", "gzip", "codings are case-insensitive"],
    ["x-gzip", "gzip", "the old name"],
    ["br;q=nonsense, gzip", "gzip", "a malformed weight drops its element"],
    ["br;q=1;x=2, gzip", "gzip", "so does anything beside the weight"],
  ];
  for (const [field, expected, name] of cases) {
    it(`negotiates: ${name}`, () => assert.equal(negotiateEncoding(field, offered), expected));
  }

  it("never chooses what the client refuses, nor less than its best", () => {
    const coding = fc.constantFrom("zstd", "br", "gzip", "identity", "*", "deflate");
    const weights = fc.dictionary(coding, fc.integer({ min: 0, max: 10 }), { noNullPrototype: true });
    fc.assert(
      fc.property(weights, (weighted) => {
        const field = Object.entries(weighted)
          .map(([name, weight]) => `${name};q=${weight / 10}`)
          .join(", ");
        const weightOf = (name: string): number => weighted[name] ?? weighted["*"] ?? 0;
        const chosen = negotiateEncoding(field, offered);
        const best = Math.max(...offered.map(weightOf));
        if (chosen === undefined) assert.ok(best === 0 && (weighted["identity"] ?? weighted["*"]) === 0);
        else if (chosen !== "identity") assert.ok(weightOf(chosen) === best && best > 0);
        else assert.ok(best === 0 || (weighted["identity"] ?? 0) > best);
      }),
    );
  });

  it("survives hostile values", () => {
    fc.assert(
      fc.property(hostileText(), (field) => {
        parseAcceptEncoding(field);
        negotiateEncoding(field, offered);
      }),
    );
    for (const piece of ["gzip;", "gzip; ", '"', ",", " ;q", "\t"])
      isLinear((text) => parseAcceptEncoding(text), piece);
  });
});
