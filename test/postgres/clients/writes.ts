import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import type { Client } from "./client.ts";

interface Note {
  readonly id: number;
  readonly title: string;
  readonly body: string | null;
  readonly stars: number | null;
}

/** Drives what writes: rows alone and many, what they answer, and what is refused. */
export async function driveWrites(t: TestContext, client: Client): Promise<void> {
  const notes = () => client.from("notes");
  const titles = async (like: string): Promise<string[]> => {
    const { data, error } = await notes().select("title").like("title", like).order("title");
    assert.equal(error, null);
    return (data as Note[]).map(({ title }) => title);
  };

  await t.test("insert", async () => {
    const plain = await notes().insert({ title: "insert a" });
    assert.deepEqual([plain.status, plain.data, plain.error], [201, null, null]);
    const one = await notes().insert({ title: "insert b", city_id: 1 }).select("title, body, cities(name)").single();
    assert.deepEqual(one.data, { title: "insert b", body: "none", cities: { name: "Oslo" } });
    const rows = [{ title: "insert c", body: "x" }, { title: "insert d" }];
    const nulls = await notes().insert(rows, { count: "exact" }).select("title, body").order("title");
    assert.equal(nulls.count, 2);
    assert.deepEqual(nulls.data, [
      { title: "insert c", body: "x" },
      { title: "insert d", body: null },
    ]);
    const defaults = await notes()
      .insert([{ title: "insert e", body: "x" }, { title: "insert f" }], { defaultToNull: false })
      .select("body");
    assert.deepEqual(defaults.data, [{ body: "x" }, { body: "none" }]);
    const twice = await notes().insert({ title: "insert a" });
    assert.deepEqual([twice.status, twice.error?.code], [409, "23505"]);
    assert.equal((await notes().insert({ titel: "x" })).error?.code, "PGRST204");
    assert.equal((await notes().insert({ body: "x" })).error?.code, "23502");
    assert.deepEqual(
      await titles("insert%"),
      ["a", "b", "c", "d", "e", "f"].map((letter) => `insert ${letter}`),
    );
  });

  await t.test("upsert", async () => {
    await notes().insert({ title: "upsert a", body: "old", stars: 1 });
    const merged = await notes()
      .upsert(
        [
          { title: "upsert a", body: "new" },
          { title: "upsert b", body: "new" },
        ],
        { onConflict: "title", count: "exact" },
      )
      .select("title, body, stars");
    assert.equal(merged.count, 2);
    assert.deepEqual(merged.data, [
      { title: "upsert a", body: "new", stars: 1 },
      { title: "upsert b", body: "new", stars: null },
    ]);
    const ignored = await notes()
      .upsert({ title: "upsert a", body: "newer" }, { onConflict: "title", ignoreDuplicates: true })
      .select();
    assert.deepEqual(ignored.data, []);
    const { data } = await notes().select("id").eq("title", "upsert a").single();
    const byKey = await notes()
      .upsert({ id: (data as Note).id, title: "upsert c" }, { defaultToNull: false })
      .select("title, body")
      .single();
    assert.deepEqual(byKey.data, { title: "upsert c", body: "new" });
  });

  await t.test("update", async () => {
    await notes().insert(["a", "b", "c"].map((letter) => ({ title: `update ${letter}`, stars: 1 })));
    const plain = await notes().update({ stars: 2 }).eq("title", "update a");
    assert.deepEqual([plain.status, plain.data], [204, null]);
    const changed = await notes()
      .update({ stars: 3, body: null }, { count: "exact" })
      .or("title.eq.update b,title.eq.update c")
      .select("title, stars")
      .order("title");
    assert.equal(changed.count, 2);
    assert.deepEqual(changed.data, [
      { title: "update b", stars: 3 },
      { title: "update c", stars: 3 },
    ]);
    assert.deepEqual((await notes().update({ stars: 4 }).eq("title", "nothing").select()).data, []);
    const single = await notes().update({ stars: 4 }).like("title", "update%").select().single();
    assert.equal(single.error?.code, "PGRST116");
    // What failed has changed nothing.
    assert.deepEqual((await notes().select("id").eq("stars", 4)).data, []);
    const csv = await notes().update({ stars: 5 }).eq("title", "update a").select("title,stars").csv();
    assert.equal(csv.data, 'title,stars\n"update a",5');
  });

  await t.test("delete", async () => {
    await notes().insert(["a", "b", "c"].map((letter) => ({ title: `delete ${letter}` })));
    const plain = await notes().delete().eq("title", "delete a");
    assert.deepEqual([plain.status, plain.data], [204, null]);
    const gone = await notes().delete({ count: "exact" }).like("title", "delete%").select("title").order("title");
    assert.deepEqual([gone.count, gone.data], [2, [{ title: "delete b" }, { title: "delete c" }]]);
    assert.deepEqual(await titles("delete%"), []);
  });

  await t.test("no more than allowed, and only for show", async () => {
    await notes().insert(["a", "b"].map((letter) => ({ title: `bound ${letter}`, stars: 0 })));
    const tooMany = await (notes().update({ stars: 9 }).like("title", "bound%") as unknown as Bounded).maxAffected(1);
    assert.equal(tooMany.error?.code, "PGRST124");
    const enough = await (notes().delete().eq("title", "bound a") as unknown as Bounded).maxAffected(1);
    assert.equal(enough.error, null);
    const shown = await notes().insert({ title: "bound c" }).select("title").rollback();
    assert.deepEqual(shown.data, [{ title: "bound c" }]);
    assert.deepEqual(await titles("bound%"), ["bound b"]);
  });
}

/** The client offers it where it was told a version that knows it. */
interface Bounded {
  maxAffected(rows: number): PromiseLike<{ readonly error: { readonly code: string } | null }>;
}
