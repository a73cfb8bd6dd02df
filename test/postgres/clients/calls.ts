import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { PostgrestError } from "@supabase/postgrest-js";
import type { Client } from "./client.ts";

/** Drives functions, and what can be said of any request. */
export async function driveCalls(t: TestContext, client: Client): Promise<void> {
  await t.test("functions", async () => {
    assert.equal((await client.rpc("add", { a: 1, b: 2 })).data, 3);
    assert.equal((await client.rpc("add", { a: 1 }, { get: true })).data, 2);
    assert.equal((await client.rpc("total", { numbers: [1, 2, 3] })).data, 6);
    assert.equal((await client.rpc("total", { numbers: 7 }, { get: true })).data, 7);
    assert.equal((await client.rpc("first_key", { data: { key: [1] } })).data, "key");
    assert.equal((await client.schema("other").rpc("answer")).data, 42);
    const rows = await client
      .rpc("big_cities", { lowest: 1 }, { count: "exact" })
      .select("name, countries(name)")
      .neq("id", 3)
      .order("population")
      .limit(1);
    assert.deepEqual([rows.count, rows.data], [2, [{ name: "Bergen", countries: { name: "Norway" } }]]);
    const head = await client.rpc("big_cities", { lowest: 1 }, { head: true, count: "exact" });
    assert.deepEqual([head.data, head.count], [null, 3]);
    const one = await client.rpc("big_cities", { lowest: 1_000_000 }).select("id").single();
    assert.deepEqual(one.data, { id: 3 });
    const unknown = await client.rpc("add", { c: 1 });
    assert.deepEqual([unknown.status, unknown.error?.code], [404, "PGRST202"]);
  });

  await t.test("functions that write", async () => {
    await client.from("notes").insert([{ title: "call a" }, { title: "forget b" }]);
    const renamed = await client.rpc("renamed", { old: "call a", fresh: "call b" }).select("title");
    assert.deepEqual(renamed.data, { title: "call b" });
    const nothing = await client.rpc("forget");
    assert.deepEqual([nothing.status, nothing.data, nothing.error], [204, null, null]);
    assert.deepEqual((await client.from("notes").select().like("title", "forget%")).data, []);
    assert.equal((await client.rpc("forget", {}, { get: true })).status, 405);
  });

  await t.test("plans, headers, errors and the description", async () => {
    const cities = () => client.from("cities");
    const plan = await cities().select("name").eq("id", 1).explain();
    assert.match(JSON.stringify(plan), /cost=/);
    const all = { analyze: true, verbose: true, settings: true, buffers: true, wal: true, format: "json" } as const;
    const detailed = await cities().select("name").explain(all);
    assert.ok(Array.isArray(detailed.data));
    // Without PostGIS there is no GeoJSON.
    assert.equal((await cities().select("name").geojson()).error?.code, "PGRST107");
    const counted = await cities().select("id").setHeader("Prefer", "count=exact").limit(1).retry(false);
    assert.equal(counted.count, 4);
    const typed = await cities().select("id").eq("id", 1).overrideTypes<{ id: 1 }[], { merge: false }>();
    assert.deepEqual(typed.data, [{ id: 1 }]);
    assert.deepEqual((await cities().select("id").eq("id", 1).returns<{ id: 1 }[]>()).data, [{ id: 1 }]);
    const builder = cities().select("id").order("id").limit(1).throwOnError();
    assert.deepEqual((await builder).data, [{ id: 1 }]);
    const failure = await cities()
      .select("nothing")
      .throwOnError()
      .then(
        () => undefined,
        (error: unknown) => error,
      );
    assert.ok(failure instanceof PostgrestError);
    const { code, message } = failure.toJSON();
    assert.deepEqual([code, message], ["42703", "column cities.nothing does not exist"]);
    const { data, error } = await client.getOpenApiSpec();
    assert.equal(error, null);
    assert.equal((data as { swagger?: string }).swagger, "2.0");
    const other = await client.schema("other").getOpenApiSpec();
    assert.deepEqual(Object.keys((other.data as { paths: object }).paths), ["/", "/things", "/rpc/answer"]);
  });
}
