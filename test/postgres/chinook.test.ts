import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";
import { chinookDatabase } from "../support/chinook.ts";
import { requireCommand } from "../support/commands.ts";
import { queryRows } from "../support/postgres.ts";
import { serve } from "../support/server.ts";
import { parseCsv } from "./csv.ts";

interface Table {
  readonly name: string;
  readonly columns: readonly string[];
  readonly key: readonly string[];
}

interface ForeignKey {
  readonly name: string;
  readonly child: string;
  readonly parent: string;
  readonly from: string;
  readonly to: string;
}

test("Chinook is served whole, as psql answers it", async (t) => {
  const psqlPath = requireCommand(t, "psql");
  if (psqlPath === undefined) return;
  const url = await chinookDatabase(t);
  if (url === undefined) return;
  const api = await serve(t, url);
  const tables = (await queryRows(url, TABLES)) as unknown as Table[];
  const keys = (await queryRows(url, FOREIGN_KEYS)) as unknown as ForeignKey[];
  const table = (name: string): Table => tables.find((candidate) => candidate.name === name)!;
  const psql = async (sql: string, ...flags: string[]): Promise<string> => {
    const run = promisify(execFile)(psqlPath, ["-X", "-q", ...flags, "-d", url, ...(sql === "" ? [] : ["-c", sql])], {
      maxBuffer: 1 << 26,
    });
    return (await run).stdout;
  };
  /** What psql answers to each statement, in one run of it. */
  const asJson = async (statements: readonly string[]): Promise<readonly unknown[]> => {
    const commands = statements.flatMap((sql) => [
      "-c",
      `select coalesce(json_agg(r), '[]') from (${sql}) r`,
      "-c",
      "\\echo ====",
    ]);
    const out = await psql("", "-At", ...commands);
    return out.split("====\n", statements.length).map((text) => JSON.parse(text));
  };
  const compare = async (pairs: readonly { readonly path: string; readonly sql: string }[]): Promise<void> => {
    const expected = await asJson(pairs.map(({ sql }) => sql));
    for (const [index, { path }] of pairs.entries()) assert.deepEqual(await api.json(path), expected[index], path);
  };

  await t.test("every table", async () => {
    assert.equal(tables.length, 11);
    await compare(
      tables.map(({ name, key }) => ({
        path: `/${name}?order=${key.join(",")}`,
        sql: `select * from ${name} order by ${key.join(",")}`,
      })),
    );
  });

  await t.test("every column", async () => {
    const pairs = tables.flatMap(({ name, columns, key }) =>
      columns.map((column) => ({
        path: `/${name}?select=${column}&order=${key.map((part) => `${part}.desc`).join(",")}&limit=40&offset=3`,
        sql: `select ${column} from ${name} order by ${key.map((part) => `${part} desc`).join(",")} limit 40 offset 3`,
      })),
    );
    await compare(pairs);
  });

  await t.test("every relation from child to parent", async () => {
    const pairs = keys.map(({ name, child, parent, from, to }) => ({
      path: `/${child}?select=${from},p:${child === parent ? from : `${parent}!${name}`}(*)&order=${table(child).key.join(",")}&limit=500`,
      sql: `select c.${from}, (select to_json(p) from ${parent} p where p.${to} = c.${from}) as p
        from ${child} c order by ${table(child)
          .key.map((part) => `c.${part}`)
          .join(",")} limit 500`,
    }));
    await compare(pairs);
  });

  await t.test("every relation from parent to children", async () => {
    const pairs = keys.map(({ name, child, parent, from, to }) => {
      const embed = child === parent ? child : `${child}!${name}`;
      const order = table(child).key.join(",");
      return {
        path: `/${parent}?select=${to},c:${embed}(*)&c.order=${order}&order=${to}&limit=200`,
        sql: `select p.${to}, (select coalesce(json_agg(c order by ${order}), '[]') from ${child} c where c.${from} = p.${to}) as c
          from ${parent} p order by p.${to} limit 200`,
      };
    });
    await compare(pairs);
  });

  await t.test("many-to-many through the junction, both ways and nested", async () => {
    const served = await api.json(
      "/playlist?select=name,track(name,album(title,artist(name)))&track.order=track_id&track.limit=3&order=playlist_id",
    );
    const [expected] = await asJson([
      `select p.name, (select coalesce(json_agg(x.o order by x.track_id), '[]') from (
        select t.track_id, json_build_object('name', t.name, 'album', json_build_object('title', a.title,
          'artist', json_build_object('name', r.name))) as o
        from playlist_track pt join track t using (track_id) join album a using (album_id) join artist r using (artist_id)
        where pt.playlist_id = p.playlist_id order by t.track_id limit 3) x) as track
      from playlist p order by p.playlist_id`,
    ]);
    assert.deepEqual(served, expected);
    await compare([
      {
        path: "/track?select=track_id,playlist(name)&playlist.order=playlist_id&order=track_id&limit=50",
        sql: `select t.track_id, (select coalesce(json_agg(json_build_object('name', p.name) order by p.playlist_id), '[]')
        from playlist_track pt join playlist p using (playlist_id) where pt.track_id = t.track_id) as playlist
        from track t order by t.track_id limit 50`,
      },
    ]);
  });

  await t.test("CSV has the cells of psql --csv", async () => {
    for (const { name, key } of tables) {
      const order = key.join(",");
      const served = await api.get(`/${name}?order=${order}&limit=1000`, { accept: "text/csv" });
      assert.equal(served.headers["content-type"], "text/csv; charset=utf-8");
      const expected = await psql(`select * from ${name} order by ${order} limit 1000`, "--csv");
      assert.deepEqual(parseCsv(served.text), parseCsv(expected), name);
    }
  });

  await t.test("counts, limits and ranges", async () => {
    for (const { name, key } of tables) {
      const total = Number(await psql(`select count(*) from ${name}`, "-At"));
      const path = `/${name}?order=${key.join(",")}`;
      const all = (await api.json(path)) as unknown[];
      assert.equal(all.length, total);
      for (const [first, last] of [
        [0, 0],
        [1, 4],
        [total - 1, total + 5],
        [0, total - 1],
      ] as const) {
        const range = { "range-unit": "items", range: `${first}-${last}`, prefer: "count=exact" };
        const ranged = await api.get(path, range);
        const rows = all.slice(first, last + 1);
        assert.deepEqual(JSON.parse(ranged.text), rows);
        assert.equal(ranged.headers["content-range"], `${first}-${first + rows.length - 1}/${total}`);
        assert.equal(ranged.status, rows.length < total ? 206 : 200);
        const limited = await api.get(`${path}&limit=${last - first + 1}&offset=${first}`);
        assert.deepEqual(JSON.parse(limited.text), rows);
        assert.equal(limited.headers["content-range"], `${first}-${first + rows.length - 1}/*`);
      }
      assert.equal((await api.get(path, { range: `${total + 1}-`, prefer: "count=exact" })).status, 416);
    }
  });

  await t.test("every row by its path", async () => {
    for (const { name, key } of tables) {
      const rows = (await api.json(`/${name}?order=${key.join(",")}&limit=25`)) as Record<string, unknown>[];
      for (const row of rows) {
        assert.deepEqual(await api.json(`/${name}/${key.map((part) => String(row[part])).join(",")}`), row);
      }
    }
  });
});

const TABLES = `
  select c.relname as name, array_agg(a.attname::text order by a.attnum) as columns,
    (select array_agg(k.attname::text order by array_position(i.indkey::int2[], k.attnum)) from pg_index i
      join pg_attribute k on k.attrelid = c.oid and k.attnum = any (i.indkey::int2[])
      where i.indrelid = c.oid and i.indisprimary) as key
  from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
  where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' group by c.oid, c.relname order by 1`;

const FOREIGN_KEYS = `
  select k.conname as name, c.relname as child, p.relname as parent, f.attname as "from", t.attname as "to"
  from pg_constraint k join pg_class c on c.oid = k.conrelid join pg_class p on p.oid = k.confrelid
  join pg_attribute f on f.attrelid = c.oid and f.attnum = k.conkey[1]
  join pg_attribute t on t.attrelid = p.oid and t.attnum = k.confkey[1]
  where k.contype = 'f' order by 1`;
