import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import {
  type BareItem,
  formatDictionary,
  formatItem,
  formatList,
  type Item,
  type Member,
  parseDictionary,
  parseItem,
  parseList,
} from "../../src/http/index.ts";
import { hostileText, isLinear } from "./hostile.ts";

/** As the parser makes them. */
const PLAIN = { noNullPrototype: true } as const;

describe("structured fields", () => {
  it("read back as they were written, of every type", () => {
    fc.assert(
      fc.property(fc.array(member(), { maxLength: 5 }), (members) => {
        const text = formatList(members);
        assert.ok(text !== undefined);
        assert.deepEqual(parseList(text), members);
      }),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(key(), member()), { maxLength: 5 }), (entries) => {
        const members = new Map(entries);
        const text = formatDictionary(members);
        assert.ok(text !== undefined);
        assert.deepEqual(parseDictionary(text), members);
      }),
    );
  });

  it("are refused as a whole when anything is wrong (RFC 9651 section 4.2)", () => {
    const items = [
      "",
      "a b",
      '"a',
      '"\u00e9"',
      '"\\a"',
      "1.",
      "1.0000",
      "1234567890123456",
      "1234567890123.1",
      "--1",
      "?2",
      ":a!b:",
      ":a=b:",
      "@1.5",
      '%"%C3"',
      '%"%zz"',
      '%"%ff"',
      "a;A=1",
      "a;=1",
      "(1 2)",
      "1 ,",
    ];
    for (const text of items) assert.equal(parseItem(text), undefined, text);
    for (const text of ["1,", "1,,2", ",1", "(1", "(1,2)", "1 2", "(1)(2)"])
      assert.equal(parseList(text), undefined, text);
    for (const text of ["A=1", "a=", "a,", "a=1;", "1=a"]) assert.equal(parseDictionary(text), undefined, text);
  });

  it("are read as the RFC's examples say", () => {
    assert.deepEqual(parseItem("  5; foo=bar  "), { item: integer(5), parameters: new Map([["foo", token("bar")]]) });
    assert.equal(formatItem({ item: { kind: "decimal", value: 0.0625 }, parameters: new Map() }), "0.062");
    assert.equal(formatItem({ item: { kind: "decimal", value: -0.1875 }, parameters: new Map() }), "-0.188");
    assert.equal(parseList("sugar, tea, rum")?.length, 3);
    assert.deepEqual(parseList(""), []);
    assert.deepEqual([...(parseDictionary("a=?0, b, c; foo=bar, a=1")?.keys() ?? [])], ["b", "c", "a"]);
    const [list] = parseList('("foo"; a=1;b=2);lvl=5, ("bar" "baz");lvl=1') ?? [];
    assert.ok(list !== undefined && "items" in list && list.parameters.get("lvl")?.value === 5);
    const shown = parseItem('%"This is intended for display to %c3%bcsers."');
    assert.equal(shown?.item.value, "This is intended for display to üsers.");
  });

  it("are not written when they could not be read", () => {
    const none = new Map<string, BareItem>();
    const unwritable: BareItem[] = [
      integer(1e15),
      integer(1.5),
      { kind: "decimal", value: Number.NaN },
      { kind: "string", value: "ü" },
      token("a b"),
      { kind: "display-string", value: "\ud800" },
    ];
    for (const item of unwritable) assert.equal(formatItem({ item, parameters: none }), undefined);
    assert.equal(formatDictionary(new Map([["A", { item: integer(1), parameters: none }]])), undefined);
  });

  it("are read without error whatever they hold, in linear time, and what is read can be written", () => {
    fc.assert(
      fc.property(hostileText(), (text) => {
        const members = parseDictionary(text);
        if (members !== undefined) assert.ok(formatDictionary(members) !== undefined);
        parseList(text);
      }),
    );
    for (const piece of ["a,", "(", '"', "a;b", ":a:,", "1,", ' "a"', "()"]) isLinear((text) => parseList(text), piece);
  });
});

function integer(value: number): BareItem {
  return { kind: "integer", value };
}

function token(value: string): BareItem {
  return { kind: "token", value };
}

function key(): fc.Arbitrary<string> {
  return fc.stringMatching(/^[a-z*][a-z0-9_.*-]{0,4}$/);
}

function bareItem(): fc.Arbitrary<BareItem> {
  const text = fc.string({ unit: fc.constantFrom('"', "\\", " ", "a", "~", "%") });
  return fc.oneof(
    fc.record({ kind: fc.constantFrom("integer" as const, "date" as const), value: fc.integer() }, PLAIN),
    fc.integer().map((value): BareItem => ({ kind: "decimal", value: value / 1000 })),
    fc.record({ kind: fc.constant("string" as const), value: text }, PLAIN),
    fc.record(
      {
        kind: fc.constant("display-string" as const),
        value: fc.string({ unit: fc.constantFrom('"', "%", "ü", "😀", "a", "\n") }),
      },
      PLAIN,
    ),
    fc.stringMatching(/^[A-Za-z*][!#$%&'*+.^_`|~0-9A-Za-z:/-]{0,5}$/).map(token),
    fc.uint8Array({ maxLength: 9 }).map((value): BareItem => ({ kind: "bytes", value })),
    fc.record({ kind: fc.constant("boolean" as const), value: fc.boolean() }, PLAIN),
  );
}

function item(): fc.Arbitrary<Item> {
  const parameters = fc.array(fc.tuple(key(), bareItem()), { maxLength: 2 }).map((entries) => new Map(entries));
  return fc.record({ item: bareItem(), parameters }, PLAIN);
}

function member(): fc.Arbitrary<Member> {
  const parameters = fc.array(fc.tuple(key(), bareItem()), { maxLength: 2 }).map((entries) => new Map(entries));
  return fc.oneof(item(), fc.record({ items: fc.array(item(), { maxLength: 3 }), parameters }, PLAIN));
}
