import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { createListSplitter, type PayloadType } from "../../../src/postgres/payload/payload.ts";
import { NASTY_TEXTS } from "../query/random-reads.ts";

const text = fc.oneof(
  fc.constantFrom(...NASTY_TEXTS),
  fc.string({ unit: "binary" }).filter((each) => each.isWellFormed()),
);
const space = fc.constantFrom("", "", " ", "\n\t\r ");

/** JSON as nobody would write it, valid all the same. */
const { value } = fc.letrec<{ value: string; list: string; object: string }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    fc.constantFrom("null", "true", "-1.5e3", '"\\\\"', '"\\""', '"\\u005d,["'),
    text.map((each) => JSON.stringify(each)),
    tie("list"),
    tie("object"),
  ),
  list: fc
    .tuple(fc.array(tie("value"), { maxLength: 3 }), space)
    .map(([items, gap]) => `[${gap}${items.join(`${gap},${gap}`)}]`),
  object: fc
    .array(fc.tuple(text, tie("value"), space), { maxLength: 3 })
    .map(
      (members) =>
        `{${members.map(([name, each, gap]) => `${gap}${JSON.stringify(name)}${gap}:${gap}${each}`).join(",")}}`,
    ),
}));
const jsonList = fc
  .tuple(fc.array(fc.tuple(value, space), { maxLength: 8 }), space)
  .map(([items, gap]) => `${gap}[${gap}${items.map(([each, before]) => `${before}${each}`).join(",")}${gap}]${gap}`);

/** Where the content is cut on its way. */
const cuts = fc.array(fc.nat(), { maxLength: 20 });
const full = fc.oneof(fc.constant(1), fc.nat({ max: 60 }), fc.constant(10_000));

function split(
  type: Exclude<PayloadType, "form" | "message">,
  content: Buffer,
  at: readonly number[],
  fullBytes: number,
): string[] {
  const splitter = createListSplitter(type, fullBytes);
  const places = [0, ...at.map((place) => place % (content.length + 1)), content.length].sort(
    (one, other) => one - other,
  );
  const lists = places.slice(1).flatMap((end, index) => {
    // The memory of a piece is used again as soon as it was taken.
    const piece = Buffer.from(content.subarray(places[index], end));
    const found = splitter.push(piece);
    piece.fill(0x22);
    return [...found];
  });
  return [...lists, ...splitter.end()];
}

function parsed(work: () => unknown): unknown {
  try {
    return work();
  } catch {
    return undefined;
  }
}

const quoted = (field: string): string => `"${field.replaceAll('"', '""')}"`;
const elements = (lists: readonly string[]): unknown[] => lists.flatMap((list) => JSON.parse(list) as unknown[]);

test("a JSON list is split between its elements, however it was cut on its way", () => {
  fc.assert(
    fc.property(jsonList, cuts, full, (json, at, fullBytes) => {
      const lists = split("json", Buffer.from(json), at, fullBytes);
      assert.deepEqual(elements(lists), JSON.parse(json));
      for (const list of lists.slice(0, -1)) assert.ok(Buffer.byteLength(list) >= fullBytes);
    }),
    { numRuns: 2000 },
  );
});

test("what is no JSON list is refused, and nothing of it is lost or made up", () => {
  const junk = fc.constantFrom("", ",", "[", "]", "{", "}", '"', "x", " ", "\\", "1");
  const broken = fc.tuple(jsonList, fc.nat(), junk, fc.nat({ max: 2 })).map(([json, place, inserted, removed]) => {
    const at = place % (json.length + 1);
    // Half a character may be left; as bytes it is another.
    return (json.slice(0, at) + inserted + json.slice(at + removed)).toWellFormed();
  });
  fc.assert(
    fc.property(broken, cuts, full, (json, at, fullBytes) => {
      const whole = parsed(() => JSON.parse(json));
      const expected = Array.isArray(whole) ? whole : undefined;
      assert.deepEqual(
        parsed(() => elements(split("json", Buffer.from(json), at, fullBytes))),
        expected,
        json,
      );
    }),
    { numRuns: 3000 },
  );
});

test("CSV is split between its rows, however it was cut on its way", () => {
  const names = ["a", "b c", 'd"'] as const;
  const field = text.map((each) => ({
    given: each,
    written: /[",\r\n]/.test(each) || each === "" ? quoted(each) : each,
  }));
  const rows = fc.array(fc.tuple(field, field, field), { maxLength: 8 });
  const end = fc.constantFrom("\n", "\r\n", "\n\n", "\r");
  fc.assert(
    fc.property(rows, end, fc.boolean(), cuts, full, (lines, newline, isEnded, at, fullBytes) => {
      const csv = [names.map(quoted), ...lines.map((line) => line.map(({ written }) => written))]
        .map((line) => line.join(","))
        .join(newline);
      const lists = split("csv", Buffer.from(isEnded ? csv + newline : csv), at, fullBytes);
      const expected = lines.map((line) =>
        Object.fromEntries(line.map(({ given }, index) => [names[index]!, given === "NULL" ? null : given])),
      );
      assert.deepEqual(elements(lists), expected);
    }),
    { numRuns: 1000 },
  );
});

test("JSON lines are split between lines, however they were cut on their way", () => {
  const line = fc.oneof(
    fc.jsonValue().map((each) => JSON.stringify(each)),
    fc.constantFrom("", " ", '{"a": 1} \r'),
  );
  fc.assert(
    fc.property(fc.array(line, { maxLength: 10 }), cuts, full, (lines, at, fullBytes) => {
      const expected = lines.filter((each) => each.trim() !== "").map((each) => JSON.parse(each) as unknown);
      assert.deepEqual(elements(split("lines", Buffer.from(lines.join("\n")), at, fullBytes)), expected);
    }),
    { numRuns: 1000 },
  );
});

test("what is not complete can be told in bytes, so that it can be bounded", () => {
  for (const [type, begun] of [
    ["json", '[{"a":1}, {"a":"'],
    ["csv", 'a\n1\n"'],
    ["lines", '{"a":1}\n{"a":"'],
  ] as const) {
    const splitter = createListSplitter(type, 10);
    splitter.push(Buffer.from(begun));
    const before = splitter.pendingBytes;
    for (let piece = 0; piece < 10; piece++) splitter.push(Buffer.alloc(1000, "x"));
    assert.ok(splitter.pendingBytes - before === 10_000 && before < 20, type);
    // Whether a line is whole only its parser can tell.
    if (type !== "lines") assert.throws(() => splitter.end(), { code: "PGRST102" }, type);
  }
});
