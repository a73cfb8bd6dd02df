import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import type { Client } from "./client.ts";

/** Drives what reads: every filter, embedding, order, pages, counts and forms. */
export async function driveReads(t: TestContext, client: Client): Promise<void> {
  const cities = () => client.from("cities");
  const list = () => cities().select("id").order("id");

  await t.test("filters", async () => {
    await filtered([1], list().eq("name", "Oslo"));
    await filtered([2, 3, 4], list().neq("name", "Oslo"));
    await filtered([1, 3], list().gt("population", 290000));
    await filtered([2], list().lte("population", 290000));
    await filtered([4], list().like("name", "O'%(old)"));
    await filtered([1], list().ilike("name", "o%o"));
    await filtered([1, 3], list().likeAnyOf("name", ["Os%", "L%"]));
    await filtered([1], list().ilikeAllOf("name", ["o%", "%LO"]));
    await filtered([4], list().is("population", null));
    await filtered([1, 2, 3], list().not("population", "is", null));
    await filtered([1, 4], list().in("name", ["Oslo", "O'Higgins (old)", "x,y", '"']));
    await filtered([1], list().contains("tags", ['"wet, often"']));
    await filtered([1, 2], list().contains("facts", { fjord: true }));
    await filtered([2, 3], list().containedBy("tags", ["wet", "dry"]));
    await filtered([1, 2], list().overlaps("tags", ["wet", "cold"]));
    await filtered(
      [3],
      list().rangeGt("founded", "[1000-01-01,1100-01-01)").rangeAdjacent("founded", "[1500-01-01,1535-01-18)"),
    );
    await filtered([1, 2, 3], list().rangeGte("founded", "[1000-01-01,1001-01-01)"));
    await filtered([], list().rangeLt("founded", "[1000-01-01,1001-01-01)"));
    await filtered([1], list().match({ name: "Oslo", population: 700000 }));
    await filtered([1, 3], list().or("name.eq.Oslo,and(population.gt.1000000,country_id.eq.2)"));
    await filtered([1], list().eq("facts->trams->>lines", "6"));
    await filtered([4], list().filter("name", "eq", "O'Higgins (old)"));
    await filtered([1], list().textSearch("about", "quick & fox", { config: "english" }));
    await filtered([3], list().textSearch("about", "jump dog", { type: "plain", config: "english" }));
    await filtered([1], list().textSearch("about", '"brown foxes"', { type: "websearch" }));
    await filtered([2], list().textSearch("about", "more rain", { type: "phrase", config: "english" }));
    await filtered([1, 2], list().gte("population", 290000).lt("population", 1_000_000));
    await filtered([1, 4], list().likeAllOf("name", ["O%", "%s%"]));
    await filtered([1, 3], list().ilikeAnyOf("name", ["oS%", "LI%"]));
    await filtered([1], list().regexMatch("name", "^Os"));
    await filtered([1, 4], list().regexIMatch("name", "^o"));
    await filtered([1, 2, 4], list().isDistinct("country_id", 2));
    await filtered([2, 3], list().notIn("name", ["Oslo", "O'Higgins (old)"]));
    await filtered([1, 2, 3], list().rangeLte("founded", "[1000-01-01,)"));
  });

  await t.test("embedding, with filters, order and limits on the embedded", async () => {
    const { data } = await client
      .from("countries")
      .select("name, cities(name, people(name))")
      .order("id")
      .order("population", { referencedTable: "cities", ascending: false })
      .order("name", { referencedTable: "cities.people" });
    assert.deepEqual(data, [
      {
        name: "Norway",
        cities: [
          { name: "Oslo", people: [{ name: "Bo" }, { name: "Åse" }] },
          { name: "Bergen", people: [] },
        ],
      },
      { name: "Peru", cities: [{ name: "Lima", people: [{ name: "Cruz" }] }] },
      { name: "Atlantis", cities: [] },
    ]);
    const limited = await client
      .from("countries")
      .select("id, cities(id)")
      .order("id")
      .order("id", { referencedTable: "cities" })
      .limit(1, { referencedTable: "cities" })
      .eq("cities.country_id", 1);
    assert.deepEqual(limited.data, [
      { id: 1, cities: [{ id: 1 }] },
      { id: 2, cities: [] },
      { id: 3, cities: [] },
    ]);
    const inner = await client.from("countries").select("code, cities!inner(id)").gt("cities.population", 1_000_000);
    assert.deepEqual(inner.data, [{ code: "PE", cities: [{ id: 3 }] }]);
    const either = await cities()
      .select("id, countries(name)")
      .or("name.eq.Peru,name.eq.Norway", { referencedTable: "countries" })
      .order("countries(name)", { ascending: false })
      .order("id");
    assert.deepEqual(
      (either.data as { id: number }[]).map(({ id }) => id),
      [4, 3, 1, 2],
    );
    const boss = await client.from("people").select("name, boss:boss_id(name)").eq("id", 2).single();
    assert.deepEqual(boss.data, { name: "Bo", boss: { name: "Åse" } });
    const staff = await client.from("people").select("name, staff:people!boss_id(name)").eq("id", 1).single();
    assert.deepEqual((staff.data as { staff: unknown[] }).staff.length, 2);
    const spread = await cities().select("id, ...countries(country:name)").eq("id", 3);
    assert.deepEqual(spread.data, [{ id: 3, country: "Peru" }]);
    const without = await client.from("countries").select("id, cities()").is("cities", null);
    assert.deepEqual(without.data, [{ id: 3 }]);
  });

  await t.test("counts, ranges and heads", async () => {
    const counted = await cities().select("id", { count: "exact" }).order("id").range(1, 2);
    assert.deepEqual([counted.data, counted.count, counted.status], [[{ id: 2 }, { id: 3 }], 4, 206]);
    const embedded = await client.from("countries").select("name, cities(count)").order("id").limit(2);
    assert.deepEqual(embedded.data, [
      { name: "Norway", cities: [{ count: 2 }] },
      { name: "Peru", cities: [{ count: 1 }] },
    ]);
    const head = await cities().select("*", { count: "exact", head: true }).eq("country_id", 1);
    assert.deepEqual([head.data, head.count, head.status], [null, 2, 200]);
    for (const count of ["planned", "estimated"] as const)
      assert.equal(typeof (await cities().select("id", { count })).count, "number");
    const beyond = await cities().select("id", { count: "exact" }).range(10, 20);
    assert.equal(beyond.status, 416);
    assert.equal(beyond.error?.code, "PGRST103");
    assert.deepEqual((await cities().select("id").order("population", { nullsFirst: true }).limit(2)).data, [
      { id: 4 },
      { id: 2 },
    ]);
    const aggregate = await cities().select("country_id, population.sum()").eq("country_id", 1);
    assert.deepEqual(aggregate.data, [{ country_id: 1, sum: 990000 }]);
  });

  await t.test("single, maybeSingle and csv", async () => {
    assert.deepEqual((await cities().select("name").eq("id", 3).single()).data, { name: "Lima" });
    const none = await cities().select("name").eq("id", 9).single();
    assert.deepEqual([none.status, none.error?.code, none.data], [406, "PGRST116", null]);
    const many = await cities().select("name").single();
    assert.equal(many.error?.details, "The result contains 4 rows");
    assert.deepEqual((await cities().select("name").eq("id", 9).maybeSingle()).data, null);
    assert.deepEqual((await cities().select("name").eq("id", 1).maybeSingle()).data, { name: "Oslo" });
    assert.equal((await cities().select("maybe").maybeSingle()).error?.code, "42703");
    assert.equal((await cities().select("id,name").order("id").limit(2).csv()).data, "id,name\n1,Oslo\n2,Bergen");
    const stripped = await cities().select("id,population").eq("id", 4).stripNulls();
    assert.deepEqual(stripped.data, [{ id: 4 }]);
  });

  await t.test("errors and schemas", async () => {
    const unknown = await client.from("citie").select();
    assert.deepEqual(
      [unknown.status, unknown.error?.code, unknown.error?.hint],
      [404, "PGRST205", "Perhaps you meant the table 'public.cities'"],
    );
    assert.equal((await cities().select("id, planets(*)")).error?.code, "PGRST200");
    assert.deepEqual((await client.schema("other").from("things").select()).data, []);
    assert.equal((await client.schema("nowhere").from("things").select()).error?.code, "PGRST106");
    await assert.rejects(async () => cities().select().abortSignal(AbortSignal.abort()).throwOnError());
  });
}

function ids(answer: { data: unknown; error: unknown }): number[] {
  assert.equal(answer.error, null);
  return (answer.data as { id: number }[]).map(({ id }) => id);
}

async function filtered(
  expected: readonly number[],
  answer: PromiseLike<{ data: unknown; error: unknown }>,
): Promise<void> {
  assert.deepEqual(ids(await answer), expected);
}
