import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { testDatabase } from "../../support/postgres.ts";
import { serve } from "../../support/server.ts";

interface Book {
  readonly id: number;
  readonly title: string;
  readonly author_id: number | null;
  readonly year: number | null;
}

// Few rows of many kinds: none, one and several of each, and nulls on both sides.
const AUTHORS = Array.from({ length: 12 }, (_, index) => ({
  id: index + 1,
  name: index % 4 === 3 ? null : `a${index % 5}`,
}));
const PROFILES = AUTHORS.filter(({ id }) => id % 3 !== 0).map(({ id }) => ({
  author_id: id,
  bio: id % 2 === 0 ? null : `b,"${id}"`,
}));
const BOOKS: readonly Book[] = Array.from({ length: 40 }, (_, index) => ({
  id: index + 1,
  title: `t ${index % 6}`,
  author_id: index % 9 === 0 ? null : ((index * 7) % 10) + 1,
  year: index % 8 === 5 ? null : 2000 + (index % 7),
}));
const TAGS = Array.from({ length: 5 }, (_, index) => ({ id: index + 1, label: `l${index % 3}` }));
const BOOK_TAGS = BOOKS.flatMap(({ id }) =>
  TAGS.filter((tag) => (id * tag.id) % 3 === 1).map((tag) => ({ book_id: id, tag_id: tag.id })),
);

const rows = (list: readonly object[]): string => `'${JSON.stringify(list).replaceAll("'", "''")}'`;
const SCHEMA = `
  create table author (id int primary key, name text);
  create table profile (author_id int primary key references author, bio text);
  create table book (id int primary key, title text, author_id int references author, year int);
  create table tag (id int primary key, label text);
  create table book_tag (book_id int references book, tag_id int references tag, primary key (book_id, tag_id));
  insert into author select * from json_populate_recordset(null::author, ${rows(AUTHORS)});
  insert into profile select * from json_populate_recordset(null::profile, ${rows(PROFILES)});
  insert into book select * from json_populate_recordset(null::book, ${rows(BOOKS)});
  insert into tag select * from json_populate_recordset(null::tag, ${rows(TAGS)});
  insert into book_tag select * from json_populate_recordset(null::book_tag, ${rows(BOOK_TAGS)});`;

const window = fc.record({
  limit: fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined }),
  offset: fc.option(fc.integer({ min: 1, max: 2 }), { nil: undefined }),
});
type Window = typeof window extends fc.Arbitrary<infer T> ? T : never;
const cut = <T>(list: readonly T[], { limit, offset = 0 }: Window): T[] =>
  list.slice(offset, limit === undefined ? undefined : offset + limit);
const windowText = (prefix: string, { limit, offset }: Window): string[] => [
  ...(limit === undefined ? [] : [`${prefix}limit=${limit}`]),
  ...(offset === undefined ? [] : [`${prefix}offset=${offset}`]),
];

/** A filter of books as the dialect has it and as JavaScript has it; null compares to nothing. */
const bookFilter = fc.constantFrom(
  { text: "year=gte.2004", holds: ({ year }: Book) => year !== null && year >= 2004 },
  { text: "year=not.lt.2003", holds: ({ year }: Book) => year !== null && year >= 2003 },
  { text: "year=is.null", holds: ({ year }: Book) => year === null },
  { text: "title=in.(%22t 1%22,%22t 3%22)", holds: ({ title }: Book) => title === "t 1" || title === "t 3" },
  { text: "title=like.*5", holds: ({ title }: Book) => title.endsWith("5") },
  {
    text: "or=(year.eq.2001,and(id.gt.10,id.lt.20))",
    holds: ({ id, year }: Book) => year === 2001 || (id > 10 && id < 20),
  },
  { text: "id=eq.99", holds: () => false },
);
const tagLabel = fc.option(fc.constantFrom("l0", "l1", "l2", "l9"), { nil: undefined });
const ordered = (books: readonly Book[]): Book[] =>
  books.toSorted((one, other) => (other.year ?? 9999) - (one.year ?? 9999) || one.id - other.id);

test("random embeds answer what the rows themselves say", async (t) => {
  const url = await testDatabase(t, { sql: SCHEMA });
  const api = await serve(t, url, { postgres: { aggregates: true } });
  const get = (path: string, parameters: readonly string[]): Promise<unknown> =>
    api.json(encodeURI(`${path}?${parameters.join("&")}`).replaceAll("%25", "%"));

  await t.test("to-many with filters, order, limits, inner joins and a nested many-to-many", async () => {
    const request = fc.record({
      filters: fc.array(bookFilter, { maxLength: 2, size: "max" }).map((list) => [...new Set(list)]),
      window,
      inner: fc.boolean(),
      tagged: fc.option(fc.record({ inner: fc.boolean(), label: tagLabel }), { nil: undefined }),
      embedNull: fc.option(fc.boolean(), { nil: undefined }),
      alias: fc.constantFrom("", "works"),
    });
    await fc.assert(
      fc.asyncProperty(request, async ({ filters, window, inner, tagged, embedNull, alias }) => {
        const name = alias || "book";
        const tags = tagged === undefined ? "" : `,tag${tagged.inner ? "!inner" : ""}(id)`;
        const parameters = [
          `select=id,${alias && "works:"}book${inner ? "!inner" : ""}(id,title${tags})`,
          "order=id",
          `${name}.order=year.desc,id`,
          ...filters.map(({ text }) => `${name}.${text}`),
          ...windowText(`${name}.`, window),
          ...(tagged === undefined ? [] : [`${name}.tag.order=id`]),
          ...(tagged?.label === undefined ? [] : [`${name}.tag.label=eq.${tagged.label}`]),
          ...(embedNull === undefined ? [] : [`${name}=${embedNull ? "is" : "not.is"}.null`]),
        ];
        const tagsOf = (book: Book): { id: number }[] =>
          TAGS.filter(
            ({ id, label }) =>
              BOOK_TAGS.some((pair) => pair.book_id === book.id && pair.tag_id === id) &&
              label === (tagged?.label ?? label),
          ).map(({ id }) => ({ id }));
        const expected = AUTHORS.flatMap(({ id }) => {
          const own = ordered(
            BOOKS.filter((book) => book.author_id === id && filters.every(({ holds }) => holds(book))),
          );
          const found = own
            .map((book) => ({ id: book.id, title: book.title, ...(tagged === undefined ? {} : { tag: tagsOf(book) }) }))
            .filter((book) => tagged?.inner !== true || book.tag?.length !== 0);
          const shown = cut(found, window);
          if (inner && shown.length === 0) return [];
          if (embedNull !== undefined && embedNull !== (shown.length === 0)) return [];
          return [{ id, [name]: shown }];
        });
        assert.deepEqual(await get("/author", parameters), expected);
      }),
      { numRuns: 150 },
    );
  });

  await t.test("to-one, one-to-one, spread and order by the related row", async () => {
    const request = fc.record({
      kind: fc.constantFrom("author", "author!inner", "...author", "...author!inner"),
      nameFilter: fc.option(fc.constantFrom("a0", "a1"), { nil: undefined }),
      embedNull: fc.option(fc.boolean(), { nil: undefined }),
      descending: fc.boolean(),
      nulls: fc.constantFrom("", ".nullsfirst", ".nullslast"),
      window,
    });
    await fc.assert(
      fc.asyncProperty(request, async ({ kind, nameFilter, embedNull, descending, nulls, window }) => {
        const isSpread = kind.startsWith("...");
        const parameters = [
          `select=id,${kind}(name,profile(bio))`,
          `order=author(name).${descending ? "desc" : "asc"}${nulls},id`,
          ...(nameFilter === undefined ? [] : [`author.name=eq.${nameFilter}`]),
          ...(embedNull === undefined ? [] : [`author=${embedNull ? "is" : "not.is"}.null`]),
          ...windowText("", window),
        ];
        const nullsFirst = nulls === "" ? descending : nulls === ".nullsfirst";
        const rank = (name: string | null): number => (name === null ? (nullsFirst ? -1 : 1) : 0);
        const expected = BOOKS.map((book) => {
          const author = AUTHORS.find(({ id, name }) => id === book.author_id && name === (nameFilter ?? name));
          const profile = PROFILES.find(({ author_id }) => author_id === author?.id);
          const embedded = author && { name: author.name, profile: profile ? { bio: profile.bio } : null };
          return { id: book.id, author: embedded ?? null };
        })
          .filter(
            ({ author }) =>
              (!kind.endsWith("!inner") || author !== null) &&
              (embedNull === undefined || embedNull === (author === null)),
          )
          .toSorted((one, other) => {
            const [left, right] = [one.author?.name ?? null, other.author?.name ?? null];
            const direction = descending ? -1 : 1;
            const byName =
              left === null || right === null
                ? rank(left) - rank(right)
                : direction * (left < right ? -1 : left > right ? 1 : 0);
            return byName || one.id - other.id;
          })
          .map(({ id, author }) =>
            isSpread ? { id, name: author?.name ?? null, profile: author?.profile ?? null } : { id, author },
          );
        assert.deepEqual(await get("/book", parameters), cut(expected, window));
      }),
      { numRuns: 150 },
    );
  });

  await t.test("spread of many rows makes arrays in the asked order", async () => {
    const expected = AUTHORS.map(({ id }) => {
      const own = ordered(BOOKS.filter((book) => book.author_id === id));
      return { id, title: own.map(({ title }) => title), year: own.map(({ year }) => year) };
    });
    assert.deepEqual(
      await get("/author", ["select=id,...book(title,year)", "book.order=year.desc,id", "order=id"]),
      expected,
    );
  });

  await t.test("aggregates group by what else is selected", async () => {
    const years = [...new Set(BOOKS.map(({ year }) => year))];
    const expected = years.map((year) => ({ year, count: BOOKS.filter((book) => book.year === year).length }));
    const served = (await get("/book", ["select=year,count()"])) as typeof expected;
    assert.deepEqual(
      new Map(served.map((row) => [row.year, row.count])),
      new Map(expected.map((row) => [row.year, row.count])),
    );
    const sums = AUTHORS.map(
      ({ id }) => BOOKS.filter((book) => book.author_id === id).reduce((sum, { id }) => sum + id, 0) || null,
    );
    const grouped = (await get("/author", ["select=id,book(id.sum())", "order=id"])) as {
      book: { sum: number | null }[];
    }[];
    assert.deepEqual(
      grouped.map(({ book }) => book[0]?.sum ?? null),
      sums,
    );
  });

  await t.test("columns that bear the names we join by", async (t) => {
    const url = await testDatabase(t, {
      sql: `create table a (id int primary key, b_id int, a int, a_b_1 int, a_kids_1 int, "a_of_a_1" int);
        create table b (id int primary key, a_id int references a, a_b_1 int, a_kids_1 int, b_1 int, b int, "hp.row" int);
        alter table a add foreign key (b_id) references b;
        insert into b values (1, null, 7, 8, 9, 10, 11); insert into a values (1, 1, 5, 5, 5, 5), (2, null, 6, 6, 6, 6); update b set a_id = 1;
        create function of_a(a) returns setof b rows 10 language sql stable as 'select * from b where a_id = $1.id';`,
    });
    const api = await serve(t, url);
    const kids = [{ a_b_1: 7, a_kids_1: 8, b_1: 9 }];
    for (const [name, embed] of [
      ["kids", "kids:b!b_a_id_fkey"],
      ["b", "b!b_a_id_fkey"],
      ["of_a", "of_a"],
    ] as const) {
      const select = `select=id,${embed}(a_b_1,a_kids_1,b_1)&order=id`;
      assert.deepEqual(await api.json(`/a?${select}`), [
        { id: 1, [name]: kids },
        { id: 2, [name]: [] },
      ]);
      assert.deepEqual(await api.json(`/a?${select}&${name}=not.is.null`), [{ id: 1, [name]: kids }]);
      assert.deepEqual(await api.json(`/a?${select}&${name}=is.null&limit=1`), [{ id: 2, [name]: [] }]);
      assert.deepEqual(await api.json(`/a?${select.replace("(", "!inner(")}`), [{ id: 1, [name]: kids }]);
      assert.deepEqual(await api.json(`/a?select=id,...${embed.replace("kids:", "")}(a_b_1,b_1)&order=id&limit=1`), [
        { id: 1, a_b_1: [7], b_1: [9] },
      ]);
    }
    const one = "select=id,b!a_b_id_fkey(a_b_1,b_1)";
    assert.deepEqual(await api.json(`/a?${one}&b=not.is.null`), [{ id: 1, b: { a_b_1: 7, b_1: 9 } }]);
    assert.deepEqual(await api.json(`/a?${one}&order=b(a_b_1).nullsfirst`), [
      { id: 2, b: null },
      { id: 1, b: { a_b_1: 7, b_1: 9 } },
    ]);
  });

  await t.test("names as long as PostgreSQL allows, and embeds of them", async (t) => {
    // 63 bytes, 32 characters.
    const umlauts = `${"ä".repeat(31)}x`;
    const [parent, child, column] = ["p".repeat(63), `${"p".repeat(60)}_ch`, `${"c".repeat(62)}1`];
    const other = `${"c".repeat(62)}2`;
    const url = await testDatabase(t, {
      sql: `create table "${parent}" ("${column}" int primary key, "${other}" text, "${umlauts}" text);
        create table "${child}" ("${column}" int primary key, "${other}" int references "${parent}");
        insert into "${parent}" values (1, 'one', 'u'), (2, 'two', null); insert into "${child}" values (10, 1), (11, 1), (12, 2);`,
    });
    const api = await serve(t, url);
    assert.deepEqual(
      await api.json(
        path(parent, `select=${column},${child}(${column})&order=${column}&${child}.order=${column}.desc`),
      ),
      [
        { [column]: 1, [child]: [{ [column]: 11 }, { [column]: 10 }] },
        { [column]: 2, [child]: [{ [column]: 12 }] },
      ],
    );
    assert.deepEqual(
      await api.json(
        path(
          child,
          `select=${column},${parent}(${other},${child}(${column}))&limit=1&order=${column}&${parent}.${child}.order=${column}`,
        ),
      ),
      [{ [column]: 10, [parent]: { [other]: "one", [child]: [{ [column]: 10 }, { [column]: 11 }] } }],
    );
    // Two terms whose names differ in their last byte only.
    assert.deepEqual(
      await api.json(
        path(parent, `select=...${child}(${column})&order=${column}&${child}.order=${other}.desc,${column}.desc`),
      ),
      [{ [column]: [11, 10] }, { [column]: [12] }],
    );
    assert.deepEqual(await api.json(path(parent, `select=${encodeURIComponent(umlauts)}&${column}=eq.1`)), [
      { [umlauts]: "u" },
    ]);
  });
});

function path(name: string, query: string): string {
  return `/${encodeURIComponent(name)}?${query}`;
}
