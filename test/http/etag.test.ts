import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import {
  decodeTag,
  encodeTag,
  listsTag,
  matchesStrongly,
  matchesWeakly,
  parseEntityTag,
  parseTagList,
  tagContent,
  tagParts,
} from "../../src/http/etag.ts";
import { hostileText, isLinear } from "./hostile.ts";

describe("entity tags", () => {
  it("compare as the table of RFC 9110 section 8.8.3.2 says", () => {
    const rows: [string, string, boolean, boolean][] = [
      ['W/"1"', 'W/"1"', false, true],
      ['W/"1"', 'W/"2"', false, false],
      ['W/"1"', '"1"', false, true],
      ['"1"', '"1"', true, true],
    ];
    for (const [one, other, strong, weak] of rows) {
      assert.equal(matchesStrongly(one, other), strong);
      assert.equal(matchesWeakly(one, other), weak);
    }
  });

  it("are strong, carry at least 96 bits, and differ by content and by metadata", () => {
    const tag = tagContent("[]", "application/json");
    assert.match(tag, /^"[A-Za-z0-9_-]{22}"$/);
    assert.equal(tag, tagContent(Buffer.from("[]"), "application/json"));
    assert.notEqual(tag, tagContent("[] ", "application/json"));
    assert.notEqual(tag, tagContent("[]", "text/csv"));
  });

  it("are the same however the content comes", () => {
    for (const content of ["", "[]", "é".repeat(16_383), "é\ud800x".repeat(7000), "x".repeat(16_384)]) {
      const bytes = Buffer.from(content);
      const parts = tagParts("text/plain");
      for (let at = 0; at < bytes.length; at += 1000) parts.update(bytes.subarray(at, at + 1000));
      const tag = tagContent(content, "text/plain");
      assert.equal(tagContent(bytes, "text/plain"), tag);
      assert.equal(parts.end(), tag);
    }
  });

  it("name the coding, and lose it again", () => {
    assert.equal(encodeTag('"abc"', "br"), '"abc-br"');
    assert.equal(encodeTag('W/"abc"', "br"), 'W/"abc"');
    assert.equal(decodeTag('"abc-br"', ["zstd", "br"]), '"abc"');
    assert.equal(decodeTag('"abc-brr"', ["zstd", "br"]), '"abc-brr"');
    assert.equal(decodeTag(encodeTag('""', "gzip"), ["gzip"]), '""');
  });

  it("are read one by one and in lists", () => {
    assert.deepEqual(parseEntityTag('"xyzzy"'), { weak: false, opaque: "xyzzy" });
    assert.deepEqual(parseEntityTag('W/"xyzzy"'), { weak: true, opaque: "xyzzy" });
    assert.deepEqual(parseEntityTag('""'), { weak: false, opaque: "" });
    for (const bad of ["", "xyzzy", '"xyzzy', 'w/"x"', '"a b"', '"a"b', "W/", '"é€"']) {
      assert.equal(parseEntityTag(bad), undefined, bad);
    }
    assert.equal(parseTagList(" * "), "*");
    assert.deepEqual(parseTagList('"xyzzy", W/"r2d2xxxx" ,, "c3,pio",'), [
      { weak: false, opaque: "xyzzy" },
      { weak: true, opaque: "r2d2xxxx" },
      { weak: false, opaque: "c3,pio" },
    ]);
    assert.deepEqual(parseTagList('abc, "a"b, "c" "d", *, "ok"'), [{ weak: false, opaque: "ok" }]);
  });

  it("are found in every list that holds them, and in no other", () => {
    const opaque = fc.stringMatching(/^[!#-~]{0,6}$/);
    const tag = fc.tuple(fc.boolean(), opaque).map(([weak, text]) => `${weak ? "W/" : ""}"${text}"`);
    const separator = fc.constantFrom(",", ", ", " ,\t", ",,");
    fc.assert(
      fc.property(fc.array(tag), tag, separator, (tags, wanted, comma) => {
        const field = tags.join(comma);
        assert.deepEqual(
          parseTagList(field),
          tags.map((one) => parseEntityTag(one)),
        );
        assert.equal(
          listsTag(field, wanted, "strong"),
          tags.some((one) => matchesStrongly(one, wanted)),
        );
        assert.equal(
          listsTag(field, wanted, "weak"),
          tags.some((one) => matchesWeakly(one, wanted)),
        );
      }),
    );
  });

  it("survive hostile values", () => {
    fc.assert(
      fc.property(hostileText(), hostileText(), (field, tag) => {
        const tags = parseTagList(field);
        if (tags !== "*") assert.ok(tags.every((one) => !one.opaque.includes('"')));
        listsTag(field, tag, "weak");
        listsTag(field, tag, "strong");
        decodeTag(field, ["br"]);
      }),
    );
    for (const piece of ['"', '"a', '"a,', '"a" ', 'W/"', ",", " ", '"a"b,', "W/,"]) {
      isLinear((text) => parseTagList(text), piece);
      isLinear((text) => listsTag(text, '"zzz"', "weak"), piece);
    }
  });
});
