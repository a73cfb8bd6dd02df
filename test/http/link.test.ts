import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { findLink, formatLink, parseLink } from "../../src/http/link.ts";
import { hostileText, isLinear } from "./hostile.ts";

describe("Link", () => {
  it("reads the examples of RFC 8288 section 3.5", () => {
    const previous = parseLink('<http://example.com/TheBook/chapter2>; rel="previous"; title="previous chapter"');
    assert.equal(previous.length, 1);
    assert.equal(previous[0]?.parameters.get("title"), "previous chapter");
    assert.equal(findLink(previous, "PREVIOUS"), "http://example.com/TheBook/chapter2");

    const chapters = parseLink(
      "</TheBook/chapter2>;\n rel=\"previous\"; title*=UTF-8'de'letztes%20Kapitel, </TheBook/chapter4>; rel=\"next\"; title*=UTF-8'de'n%c3%a4chstes%20Kapitel".replace(
        "\n",
        "",
      ),
    );
    assert.deepEqual(
      chapters.map((link) => link.parameters.get("title")),
      ["letztes Kapitel", "nächstes Kapitel"],
    );
    assert.equal(findLink(chapters, "next"), "/TheBook/chapter4");

    const several = parseLink('<http://example.org/>; rel="start http://example.net/relation/other"');
    assert.equal(findLink(several, "http://example.net/relation/other"), "http://example.org/");
  });

  it("reads commas and semicolons inside targets and quotes", () => {
    const links = parseLink('</a,b;c>; rel=next; title="x, <y>; \\"z\\"", <>;rel="self"');
    assert.deepEqual(
      links.map((link) => link.target),
      ["/a,b;c", ""],
    );
    assert.equal(links[0]?.parameters.get("title"), 'x, <y>; "z"');
  });

  it("counts the first of a repeated parameter and skips what is malformed", () => {
    assert.equal(parseLink("<a>; rel=one; rel=two")[0]?.parameters.get("rel"), "one");
    assert.deepEqual(
      parseLink("nonsense, <a>; rel=next").map((link) => link.target),
      ["a"],
    );
    assert.deepEqual(parseLink("<a"), []);
    for (const unended of ['"x', '"x\\"', '"', '"\\']) {
      assert.equal(parseLink(`<a>; title=${unended}`)[0]?.parameters.get("title"), undefined, unended);
    }
    assert.equal(parseLink('<a>; title="x\\\\"')[0]?.parameters.get("title"), "x\\");
    assert.equal(parseLink("<a>; title=plain; title*=UTF-8''%ZZ")[0]?.parameters.get("title"), "plain");
  });

  it("reads what it writes, and what it writes never breaks out of the field", () => {
    fc.assert(
      fc.property(hostileText(), hostileText(), (target, title) => {
        const field = `${formatLink(target, { rel: "next", title })}, ${formatLink("/last", { rel: "last" })}`;
        assert.match(field, /^[\x20-\x7e]*$/);
        const links = parseLink(field);
        assert.equal(links.length, 2);
        assert.equal(links[0]?.parameters.get("title"), title.toWellFormed());
        assert.equal(findLink(links, "last"), "/last");
      }),
    );
    assert.equal(formatLink("/a?x=1&after=%20", { rel: "next" }), '</a?x=1&after=%20>; rel="next"');
    assert.throws(() => formatLink("/", { "a b": "" }), TypeError);
  });

  it("survives hostile values", () => {
    fc.assert(fc.property(hostileText(), (field) => Array.isArray(parseLink(field))));
    for (const piece of ["<", "<>", "<>;", '<>;a="', '<>;a="\\', ";", "<>,", "<a>;b=c"])
      isLinear((text) => parseLink(text), piece);
  });
});
