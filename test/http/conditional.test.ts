import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import {
  type ConditionalFields,
  evaluatePreconditions,
  isConditional,
  isRangeApplicable,
  type Precondition,
  type Validators,
} from "../../src/http/conditional.ts";
import { formatHttpDate } from "../../src/http/date.ts";
import { hostileText } from "./hostile.ts";

const MODIFIED_MS = Date.UTC(1994, 9, 29, 19, 43, 31) + 250;
const BEFORE = "Sat, 29 Oct 1994 19:43:30 GMT";
const SAME = "Sat, 29 Oct 1994 19:43:31 GMT";
const AFTER = "Sat, 29 Oct 1994 19:43:32 GMT";
const CURRENT: Validators = { etag: '"xyzzy"', modifiedMs: MODIFIED_MS };

describe("preconditions", () => {
  const cases: [string, string, ConditionalFields, Validators, Precondition][] = [
    ["no condition", "GET", {}, CURRENT, "proceed"],
    ["If-None-Match names the tag", "GET", { "if-none-match": '"xyzzy"' }, CURRENT, "not-modified"],
    ["a HEAD is answered alike", "HEAD", { "if-none-match": '"xyzzy"' }, CURRENT, "not-modified"],
    ["other methods fail", "PUT", { "if-none-match": '"xyzzy"' }, CURRENT, "failed"],
    ["If-None-Match compares weakly", "GET", { "if-none-match": 'W/"xyzzy"' }, CURRENT, "not-modified"],
    ["one of a list", "GET", { "if-none-match": '"a", W/"b", "xyzzy"' }, CURRENT, "not-modified"],
    ["none of a list", "GET", { "if-none-match": '"a", "b"' }, CURRENT, "proceed"],
    ["If-None-Match: *", "GET", { "if-none-match": "*" }, {}, "not-modified"],
    ["PUT with If-None-Match: * creates", "PUT", { "if-none-match": "*" }, { exists: false }, "proceed"],
    ["PUT with If-None-Match: * does not overwrite", "PUT", { "if-none-match": "*" }, CURRENT, "failed"],
    ["unquoted tags match nothing", "GET", { "if-none-match": "xyzzy" }, CURRENT, "proceed"],
    ["If-Match names the tag", "PUT", { "if-match": '"xyzzy"' }, CURRENT, "proceed"],
    ["If-Match compares strongly", "PUT", { "if-match": 'W/"xyzzy"' }, CURRENT, "failed"],
    ["a weak tag never meets If-Match", "PUT", { "if-match": 'W/"a"' }, { etag: 'W/"a"' }, "failed"],
    ["If-Match: *", "PUT", { "if-match": "*" }, CURRENT, "proceed"],
    ["If-Match: * on nothing", "PUT", { "if-match": "*" }, { exists: false }, "failed"],
    ["a malformed If-Match loses no update", "PUT", { "if-match": "xyzzy" }, CURRENT, "failed"],
    ["If-Match on GET", "GET", { "if-match": '"other"' }, CURRENT, "failed"],
    ["modified since", "GET", { "if-modified-since": BEFORE }, CURRENT, "proceed"],
    ["not modified since, to the second", "GET", { "if-modified-since": SAME }, CURRENT, "not-modified"],
    ["not modified since", "GET", { "if-modified-since": AFTER }, CURRENT, "not-modified"],
    ["If-Modified-Since is for GET and HEAD", "POST", { "if-modified-since": AFTER }, CURRENT, "proceed"],
    ["a malformed date is ignored", "GET", { "if-modified-since": "yesterday" }, CURRENT, "proceed"],
    ["no date to compare with", "GET", { "if-modified-since": AFTER }, { etag: '"a"' }, "proceed"],
    [
      "If-None-Match silences If-Modified-Since",
      "GET",
      { "if-none-match": '"a"', "if-modified-since": AFTER },
      CURRENT,
      "proceed",
    ],
    ["unmodified since", "PUT", { "if-unmodified-since": SAME }, CURRENT, "proceed"],
    ["not unmodified since", "PUT", { "if-unmodified-since": BEFORE }, CURRENT, "failed"],
    ["malformed If-Unmodified-Since is ignored", "PUT", { "if-unmodified-since": "soon" }, CURRENT, "proceed"],
    [
      "If-Match silences If-Unmodified-Since",
      "PUT",
      { "if-match": '"xyzzy"', "if-unmodified-since": BEFORE },
      CURRENT,
      "proceed",
    ],
    ["If-Match goes before If-None-Match", "GET", { "if-match": '"a"', "if-none-match": '"xyzzy"' }, CURRENT, "failed"],
    ["both are evaluated", "GET", { "if-match": '"xyzzy"', "if-none-match": '"xyzzy"' }, CURRENT, "not-modified"],
    ["OPTIONS has no representation", "OPTIONS", { "if-match": '"a"' }, CURRENT, "proceed"],
  ];
  for (const [name, method, fields, validators, expected] of cases) {
    it(name, () => assert.equal(evaluatePreconditions(method, fields, validators), expected));
  }

  it("survive hostile values", () => {
    const fields = fc.record(
      {
        "if-match": hostileText(),
        "if-none-match": hostileText(),
        "if-modified-since": hostileText(),
        "if-unmodified-since": hostileText(),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.constantFrom("GET", "PUT"), fields, (method, given) => {
        const result = evaluatePreconditions(method, given, CURRENT);
        if (!isConditional(given)) assert.equal(result, "proceed");
      }),
    );
  });
});

describe("If-Range", () => {
  const now = MODIFIED_MS + 60_000;
  const cases: [string, string, Validators, number, boolean][] = [
    ["the current tag", '"xyzzy"', CURRENT, now, true],
    ["another tag", '"a"', CURRENT, now, false],
    ["a weak tag", 'W/"xyzzy"', CURRENT, now, false],
    ["the modification time", SAME, CURRENT, now, true],
    ["an earlier time", BEFORE, CURRENT, now, false],
    ["a later time", AFTER, CURRENT, now, false],
    ["a time too fresh to be a strong validator", SAME, CURRENT, MODIFIED_MS, false],
    ["nonsense", "xyzzy", CURRENT, now, false],
    ["nothing to compare with", SAME, {}, now, false],
  ];
  for (const [name, value, validators, nowMs, expected] of cases) {
    it(`honours the range or not: ${name}`, () => {
      assert.equal(isRangeApplicable({ "if-range": value }, validators, nowMs), expected);
    });
  }
  it("is not needed", () => assert.equal(isRangeApplicable({}, {}, now), true));
  it("matches whatever date we write", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4e12 }), (time) => {
        const fields = { "if-range": formatHttpDate(time) };
        assert.equal(isRangeApplicable(fields, { modifiedMs: time }, time + 2000), true);
      }),
    );
  });
});
