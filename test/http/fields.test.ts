import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { ERRORS, type ErrorCode, HotpathError } from "../../src/errors.ts";
import * as http from "../../src/http/index.ts";
import { toNotModifiedHeaders } from "../../src/http/not-modified.ts";
import { toProblem, toProblemReply } from "../../src/http/problem.ts";
import { addVary, parseVary } from "../../src/http/vary.ts";

describe("Vary", () => {
  it("names each field once, whatever its letter case", () => {
    assert.equal(addVary(undefined, "Accept-Encoding"), "Accept-Encoding");
    assert.equal(addVary("", "Accept-Encoding"), "Accept-Encoding");
    assert.equal(addVary("accept-encoding", "Accept-Encoding"), "accept-encoding");
    assert.equal(addVary("Origin, accept-ENCODING", "Accept-Encoding"), "Origin, accept-ENCODING");
    assert.equal(addVary("Origin", "Accept-Encoding"), "Origin, Accept-Encoding");
    assert.equal(addVary(["Origin", "Accept"], "Accept-Encoding"), "Origin, Accept, Accept-Encoding");
    assert.equal(addVary("Origin, *", "Accept-Encoding"), "*");
  });
  it("holds every name that was added", () => {
    const name = fc.stringMatching(/^[A-Za-z-]{1,5}$/);
    fc.assert(
      fc.property(fc.array(name, { minLength: 1 }), (names) => {
        const value = names.reduce<string | undefined>((vary, one) => addVary(vary, one), undefined);
        assert.deepEqual(new Set(parseVary(value ?? "")), new Set(names.map((one) => one.toLowerCase())));
      }),
    );
  });
});

describe("problem details", () => {
  it("say what happened and what to do, as RFC 9457 writes it", () => {
    const error = new HotpathError("HP_METHOD_NOT_ALLOWED", "PATCH is not possible here.", {
      headers: { allow: "GET" },
    });
    const reply = toProblemReply(error);
    assert.equal(reply.status, 405);
    assert.deepEqual(reply.headers, {
      "content-type": "application/problem+json",
      "cache-control": "no-store",
      "x-content-type-options": "nosniff",
      allow: "GET",
    });
    assert.ok(typeof reply.body === "string");
    assert.deepEqual(JSON.parse(reply.body), {
      type: "about:blank",
      title: "Method Not Allowed",
      status: 405,
      detail: "PATCH is not possible here.",
      code: "HP_METHOD_NOT_ALLOWED",
      todo: ERRORS.HP_METHOD_NOT_ALLOWED.todo,
    });
  });
  it("never tell a stack, a cause, or what concerns only the operator", () => {
    for (const code of Object.keys(ERRORS) as ErrorCode[]) {
      const error = new HotpathError(code, "host db.internal", {
        cause: new Error("secret"),
        todo: "Ask db.internal.",
      });
      const text = JSON.stringify(toProblem(error));
      assert.ok(!text.includes("secret") && !text.includes("at "), code);
      const isForOperator = error.status === 500 || code.startsWith("HP_DATABASE_");
      assert.equal(text.includes("db.internal"), !isForOperator, code);
    }
  });
});

describe("a 304's fields", () => {
  it("are those RFC 9110 section 15.4.5 lists, and what is not about content", () => {
    const headers = {
      "content-type": "application/json",
      "content-length": "3",
      "content-range": "0-0/*",
      "content-location": "/a",
      "cache-control": "no-cache",
      etag: '"a"',
      expires: "0",
      vary: "Accept",
      "last-modified": "Sun, 06 Nov 1994 08:49:37 GMT",
      link: "</b>; rel=next",
      "access-control-allow-origin": "*",
    };
    assert.deepEqual(toNotModifiedHeaders(headers), {
      "content-location": "/a",
      "cache-control": "no-cache",
      etag: '"a"',
      expires: "0",
      vary: "Accept",
      "access-control-allow-origin": "*",
    });
    assert.equal(
      toNotModifiedHeaders({ "last-modified": headers["last-modified"] })["last-modified"],
      headers["last-modified"],
    );
  });
});

describe("hotpath/http", () => {
  it("exports exactly these names", () => {
    assert.deepEqual(Object.keys(http).sort(), [
      "NO_DIRECTIVES",
      "addCacheStatus",
      "addVary",
      "addVia",
      "ageMs",
      "currentHttpDate",
      "decodeTag",
      "encodeTag",
      "evaluatePreconditions",
      "findLink",
      "formatCacheStatus",
      "formatContentRange",
      "formatDictionary",
      "formatHttpDate",
      "formatItem",
      "formatLink",
      "formatList",
      "formatUnsatisfiedRange",
      "freshenHeaders",
      "hasPassed",
      "invalidatedUrls",
      "isConditional",
      "isForAll",
      "isHeuristicStatus",
      "isHopByHop",
      "isRangeApplicable",
      "isSafeMethod",
      "isSameContent",
      "isSelectedBy",
      "isStorable",
      "isUnderstoodStatus",
      "judgeUse",
      "listsTag",
      "matchesStrongly",
      "matchesWeakly",
      "mayServeOnError",
      "measureFreshness",
      "negotiateEncoding",
      "negotiateMediaType",
      "normaliseField",
      "parseAccept",
      "parseAcceptEncoding",
      "parseAge",
      "parseCacheControl",
      "parseCacheDate",
      "parseCacheGroups",
      "parseContentRange",
      "parseDictionary",
      "parseEntityTag",
      "parseHttpDate",
      "parseItem",
      "parseLink",
      "parseList",
      "parseMediaType",
      "parseTagList",
      "parseTargetedControl",
      "parseVary",
      "qualityOf",
      "readReplyDirectives",
      "selectByteRanges",
      "tagContent",
      "tagMetadata",
      "tagParts",
      "toNotModifiedHeaders",
      "toProblem",
      "toProblemReply",
      "toSelection",
      "toStoredHeaders",
      "withoutContentFields",
      "withoutHopByHop",
    ]);
  });
});
