import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import {
  type FieldSelection,
  formatFieldSelection,
  parseFieldSelection,
  selectFields,
  selectFieldsOfJson,
} from "../../../src/content/fields/index.ts";

const name = fc.oneof(
  fc.constantFrom("id", "name", "a", "b", "c", "__proto__", "constructor", "toString"),
  fc.string({ minLength: 1, maxLength: 8, unit: "grapheme" }),
);
const { selection } = fc.letrec<{ selection: FieldSelection }>((tie) => ({
  selection: fc
    .array(
      fc.tuple(
        name,
        fc.oneof({ depthSize: "small", withCrossShrink: true }, fc.constant(true as const), tie("selection")),
      ),
      { minLength: 1, maxLength: 4 },
    )
    .map((entries) => new Map(entries)),
}));

test("a selection that is written is read as it was", () => {
  fc.assert(
    fc.property(selection, (wanted) => {
      const text = formatFieldSelection(wanted);
      fc.pre(text.length <= 4096 && depthOf(wanted) <= 16);
      assert.deepEqual(parseFieldSelection(text), wanted);
    }),
  );
});

test("any text is either read or refused by its code, and what is read can be written and read again", () => {
  const hostile = fc.string({ unit: fc.constantFrom("a", "b", ",", "(", ")", '"', "\\", " ", "é"), maxLength: 40 });
  fc.assert(
    fc.property(fc.oneof(hostile, fc.string()), (text) => {
      let read: FieldSelection;
      try {
        read = parseFieldSelection(text);
      } catch (error) {
        assert.equal((error as { code?: string }).code, "HP_FIELDS_INVALID");
        return;
      }
      assert.deepEqual(parseFieldSelection(formatFieldSelection(read)), read);
    }),
    { numRuns: 1000 },
  );
});

test("what is selected is in the value, and nothing else is", () => {
  fc.assert(
    fc.property(fc.jsonValue(), selection, (value, wanted) => {
      assertSelected(value, selectFields(value, wanted), wanted);
    }),
  );
});

test("selecting twice is selecting once", () => {
  fc.assert(
    fc.property(fc.jsonValue(), selection, (value, wanted) => {
      const once = selectFields(value, wanted);
      assert.equal(JSON.stringify(selectFields(once, wanted)), JSON.stringify(once));
    }),
  );
});

test("text is selected from as its value is, and long numbers keep their digits", () => {
  fc.assert(
    fc.property(fc.jsonValue(), selection, (value, wanted) => {
      const text = JSON.stringify(value);
      const expected = JSON.stringify(selectFields(JSON.parse(text), wanted));
      assert.deepEqual(JSON.parse(selectFieldsOfJson(Buffer.from(text), wanted) ?? ""), JSON.parse(expected));
    }),
  );
  const text = '{"a":[12345678901234567890,0.12345678901234567890,1e400],"b":{"rawJSON":1},"c":9007199254740993}';
  const wanted = parseFieldSelection("a(x),b(rawJSON),c(rawJSON)");
  assert.equal(selectFieldsOfJson(Buffer.from(text), wanted), text);
});

test("names are joined, spaces are ignored, depth and length are bounded", () => {
  assert.equal(formatFieldSelection(parseFieldSelection(' b , a(x) ,a( y,x ),"c d"')), 'a(x,y),b,"c d"');
  assert.equal(formatFieldSelection(parseFieldSelection("a(x),a")), "a");
  assert.throws(() => parseFieldSelection("a(".repeat(20) + "a" + ")".repeat(20)), { code: "HP_FIELDS_INVALID" });
  assert.throws(() => parseFieldSelection("a(b"), { message: /the end at character 4/ });
});

function assertSelected(value: unknown, selected: unknown, wanted: FieldSelection): void {
  if (Array.isArray(value)) {
    const parts = selected as unknown[];
    assert.equal(parts.length, value.length);
    for (const [index, element] of value.entries()) assertSelected(element, parts[index], wanted);
  } else if (typeof value === "object" && value !== null) {
    const [all, kept] = [new Map(Object.entries(value)), new Map(Object.entries(selected as object))];
    assert.deepEqual(
      [...kept.keys()],
      [...all.keys()].filter((key) => wanted.has(key)),
    );
    for (const [key, part] of kept) {
      const within = wanted.get(key);
      if (within === true) assert.equal(part, all.get(key));
      else if (within !== undefined) assertSelected(all.get(key), part, within);
    }
  } else {
    assert.equal(selected, value);
  }
}

function depthOf(wanted: FieldSelection): number {
  return 1 + Math.max(0, ...[...wanted.values()].map((within) => (within === true ? 0 : depthOf(within))));
}
