import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { findLink, parseLink } from "../../src/http/index.ts";
import { queryRows, runSql, testDatabase } from "../support/postgres.ts";
import { type Answer, type ServedApi, serve } from "../support/server.ts";
import { NASTY_TEXTS, order, orderSql, orderText, THINGS } from "./query/random-reads.ts";

const MAX_PAGES = 200;

/** All rows, page by page as the links lead. */
async function walk(
  api: ServedApi,
  path: string,
  onPage: (page: Answer) => Promise<void> | void = () => undefined,
): Promise<unknown[]> {
  const rows: unknown[] = [];
  let next: string | undefined = path;
  for (let pages = 0; next !== undefined; pages++) {
    assert.ok(pages < MAX_PAGES, `no end in sight of ${path}`);
    const page: Answer = await api.get(next);
    assert.equal(page.status, 200, `${next}: ${page.text}`);
    rows.push(...(JSON.parse(page.text) as unknown[]));
    await onPage(page);
    next = nextOf(page);
  }
  return rows;
}

function nextOf({ headers: { link } }: Answer): string | undefined {
  return typeof link === "string" ? findLink(parseLink(link), "next") : undefined;
}

const idsOf = (rows: unknown): number[] => (rows as { id: number }[]).map(({ id }) => id);

test("pages follow each other by cursor", async (t) => {
  const url = await testDatabase(t);
  const [types, rows] = [THINGS.slice(0, THINGS.indexOf("insert into")), THINGS.slice(THINGS.indexOf("insert into"))];
  await queryRows(url, types);
  await queryRows(url, rows, [NASTY_TEXTS]);
  const api = await serve(t, url);

  await t.test("in any order without a gap or a row twice", async () => {
    const walks = fc.record({
      order: order.filter((terms) => terms.length > 0),
      limit: fc.integer({ min: 7, max: 61 }),
      filter: fc.constantFrom("", "rank=gt.1", "or=(flag.is.true,amount.is.null)"),
    });
    await fc.assert(
      fc.asyncProperty(walks, async ({ order, limit, filter }) => {
        const query = `order=${encodeURIComponent(orderText(order, "id"))}&limit=${limit}&select=id&${filter}`;
        const where = {
          "": "true",
          "rank=gt.1": "rank > 1",
          "or=(flag.is.true,amount.is.null)": "(flag is true or amount is null)",
        }[filter];
        const expected = await queryRows(url, `select id from things where ${where} order by ${orderSql(order, "id")}`);
        assert.deepEqual(idsOf(await walk(api, `/things?${query}`)), idsOf(expected), query);
      }),
      { numRuns: 60 },
    );
  });

  await t.test("also where the order leaves the key out, and one row a page", async () => {
    const expected = idsOf(await queryRows(url, "select id from things where id <= 30 order by amount desc, id"));
    assert.deepEqual(idsOf(await walk(api, "/things?id=lte.30&order=amount.desc&limit=1&select=id")), expected);
    assert.deepEqual(idsOf(await walk(api, "/things?id=lte.30&order=amount.desc,amount&limit=4&select=id")), expected);
  });

  await t.test("keeping filters, selection, embeds and parameters that mean nothing", async () => {
    const path =
      "/things?select=id,%22x%20y%22:label&order=label.asc.nullsfirst&limit=50&label=not.in.(%22a,b%22,%22%25%22)&flag=not.is.false&nothing";
    const found = (await walk(api, path, (page) => {
      for (const row of JSON.parse(page.text) as object[]) assert.deepEqual(Object.keys(row), ["id", "x y"]);
    })) as { id: number }[];
    const expected = await queryRows(
      url,
      "select id from things where label not in ('a,b', '%') and flag is not false order by label nulls first, id",
    );
    assert.deepEqual(idsOf(found), idsOf(expected));
  });

  await t.test("with counts of the whole, whatever the page", async () => {
    const first = await api.get("/things?order=id&limit=50", { prefer: "count=exact" });
    assert.equal(first.headers["content-range"], "0-49/120");
    const second = await api.get(nextOf(first)!, { prefer: "count=exact" });
    assert.match(String(second.headers["content-range"]), /\/120$/);
    const rest = await api.get(nextOf(first)!.replace("&limit=50", ""), { prefer: "count=exact" });
    assert.equal((JSON.parse(rest.text) as unknown[]).length, 70);
    assert.match(String(rest.headers["content-range"]), /\/120$/);
  });

  await t.test("unharmed by rows that come and go", async () => {
    await runSql(
      url,
      "create table feed (id int primary key, at timestamptz not null); insert into feed select n, timestamptz '2024-01-01' + n / 3 * interval '1 microsecond' from generate_series(1, 90) n",
    );
    await api.server.reload();
    let added = 1000;
    const seen = idsOf(
      await walk(api, "/feed?order=at.desc,id&limit=8&select=id", async () => {
        // One before, one behind every page that was read; the row the cursor names goes.
        added += 2;
        await runSql(
          url,
          `insert into feed values (${added}, '2025-01-01'), (${added + 1}, '2023-01-01'); delete from feed where id = ${added - 2}`,
        );
      }),
    );
    assert.equal(new Set(seen).size, seen.length);
    const old = seen.filter((id) => id <= 90);
    assert.deepEqual(old, idsOf(await queryRows(url, "select id from feed where id <= 90 order by at desc, id")));
  });

  await t.test("refusing a cursor that was changed, cut or made for another order", async () => {
    const path = (await api.get("/things?order=label,id&limit=3").then(nextOf))!;
    const cursor = new URL(path, "http://x").searchParams.get("after")!;
    const bytes = Buffer.from(cursor, "base64url");
    const refused = async (text: string, query = "/things?order=label,id&limit=3"): Promise<void> => {
      const answer = await api.get(`${query}&after=${encodeURIComponent(text)}`);
      assert.equal(answer.status, 400, `${query} ${text}`);
      assert.equal((JSON.parse(answer.text) as { code: string }).code, "HP_CURSOR_INVALID");
    };
    const tampered = Array.from({ length: bytes.length * 8 }, (_, bit) => {
      const copy = Buffer.from(bytes);
      copy[bit >> 3]! ^= 1 << (bit & 7);
      return copy.toString("base64url");
    });
    const truncated = Array.from({ length: cursor.length }, (_, length) => cursor.slice(0, length));
    for (const text of [
      ...tampered,
      ...truncated,
      `${cursor}A`,
      `${cursor}=`,
      ` ${cursor}`,
      "x".repeat(9000),
      "%00",
      "\u{1f389}",
    ]) {
      if (text !== "%00") await refused(text);
    }
    await runSql(url, "create table other (id int primary key, label text); notify hotpath");
    for (const query of [
      "/things?order=label.desc,id&limit=3",
      "/things?order=label&select=id&order=id&limit=3",
      "/things?limit=3",
      "/things?order=label.asc.nullsfirst,id&limit=3",
      "/things?order=label,amount,id&limit=3",
    ]) {
      await refused(cursor, query);
    }
    await api.server.reload();
    await refused(cursor, "/other?order=label,id&limit=3");
    // The same order in other words takes it.
    assert.equal((await api.get(`/things?order=label.asc.nullslast&limit=9&after=${cursor}`)).status, 200);
  });

  await t.test("giving no link where there is no next page or no way to name it", async () => {
    await runSql(
      url,
      "create table long (id int primary key, body text); insert into long select n, repeat(md5(n::text), 1000) from generate_series(1, 3) n; create view plain as select label from things",
    );
    await api.server.reload();
    for (const path of [
      "/things?order=id&limit=121",
      "/things?limit=5",
      "/things?order=id",
      "/plain?order=label&limit=3",
      "/things?order=data-%3E%3Etext&limit=3",
      "/long?order=body&limit=2",
      "/things?order=id&limit=0",
    ]) {
      assert.equal((await api.get(path)).headers.link, undefined, path);
    }
    assert.equal((await api.get("/things?order=id&limit=5", { accept: "text/csv" })).headers.link, undefined);
  });

  await t.test("below a base path, which the links keep", async (t) => {
    const api = await serve(t, url, { base: "/api/v2", postgres: { maxRows: 50 } });
    assert.match((await api.get("/api/v2/things?order=id&limit=7")).headers.link as string, /^<\/api\/v2\/things\?/);
    assert.equal((await walk(api, "/api/v2/things?order=seen.desc&select=id")).length, 120);
  });
});

test("a page deep in a list reads the same index as the first", async (t) => {
  const url = await testDatabase(t, {
    sql: `create table events (id int primary key, at timestamptz not null, kind int);
      insert into events select n, timestamptz '2024-01-01' + n * interval '1 second', n % 10 from generate_series(1, 20000) n;
      create index on events (at desc, id desc); create index on events (kind, at, id); analyze events;`,
  });
  const api = await serve(t, url, { postgres: { planEnabled: true } });
  for (const query of [
    "order=id&limit=20",
    "order=at.desc,id.desc&limit=20",
    "order=at,id&limit=20",
    "kind=eq.3&order=at,id&limit=20",
  ]) {
    let deep = `/events?${query}`;
    const middle = await api.get(`${deep}&offset=${query.startsWith("kind") ? 900 : 9000}`);
    deep = nextOf(middle)!;
    for (const path of [`/events?${query}`, deep]) {
      const { text } = await api.get(path, { accept: "application/vnd.pgrst.plan+text" });
      assert.match(text, /Index (Only )?Scan/, `${path}: ${text}`);
      assert.doesNotMatch(text, /Sort|Seq Scan/, path);
    }
  }
});
