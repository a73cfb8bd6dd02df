import assert from "node:assert/strict";
import { test } from "node:test";
import { relationKey, representationKey } from "../../../src/postgres/catalog/types.ts";
import { testDatabase } from "../../support/postgres.ts";
import { readFrom } from "./read-from.ts";

test("representations are implicit casts by function between a domain and json or text", async (t) => {
  const sql = `create schema lib;
    create domain color as int;
    create domain lib."Odd Name" as text;
    create function lib.to_json(color) returns json language sql immutable as 'select to_json($1::int)';
    create function color(json) returns color language sql immutable as 'select 1::color';
    create function color(text) returns color language sql immutable as 'select 1::color';
    create function odd(lib."Odd Name") returns text language sql immutable as 'select $1::text';
    create function wide(color) returns bigint language sql immutable as 'select 1::bigint';
    set client_min_messages = error;
    create cast (color as json) with function lib.to_json(color) as implicit;
    create cast (json as color) with function color(json) as implicit;
    create cast (text as color) with function color(text) as assignment;
    create cast (lib."Odd Name" as text) with function odd(lib."Odd Name") as implicit;
    create cast (color as bigint) with function wide(color) as implicit;`;
  const { representations } = await readFrom(await testDatabase(t, { sql }));
  assert.deepEqual(
    [...representations].map(([key, { function: made }]) => [key, made]),
    [
      [representationKey("public.color", "json"), { schema: "lib", name: "to_json" }],
      [representationKey("json", "public.color"), { schema: "public", name: "color" }],
      [representationKey('lib."Odd Name"', "text"), { schema: "public", name: "odd" }],
    ],
  );
});

test("media handlers are aggregates over rows and functions that answer a domain named like a media type", async (t) => {
  const sql = `create table x (id int);
    create domain "Text/Plain" as text; create domain "*/*" as bytea; create domain "no media type" as text;
    create function step("Text/Plain", x) returns "Text/Plain" language sql as 'select $1';
    create function step_any("Text/Plain", anyelement) returns "Text/Plain" language sql as 'select $1';
    create aggregate all_x(x) (sfunc = step, stype = "Text/Plain");
    create aggregate all_any(anyelement) (sfunc = step_any, stype = "Text/Plain");
    create function picture() returns "*/*" language sql as 'select null::"*/*"';
    create function pictures() returns setof "*/*" language sql as 'select null::"*/*"';
    create function other() returns "no media type" language sql as 'select null::"no media type"';`;
  const { mediaHandlers } = await readFrom(await testDatabase(t, { sql }));
  const x = { schema: "public", name: "x" };
  const type = 'public."Text/Plain"';
  const text = { mediaType: "text/plain", contentType: "text/plain; charset=utf-8", type, isBinary: false };
  assert.deepEqual(mediaHandlers.get(relationKey(x)), [
    { ...text, function: { schema: "public", name: "all_x" }, relation: x },
  ]);
  assert.deepEqual(mediaHandlers.get("*"), [{ ...text, function: { schema: "public", name: "all_any" } }]);
  const picture = { schema: "public", name: "picture" };
  assert.deepEqual(mediaHandlers.get(relationKey(picture)), [
    {
      mediaType: "*/*",
      contentType: "application/octet-stream",
      function: picture,
      type: 'public."*/*"',
      isBinary: true,
    },
  ]);
  assert.deepEqual(
    [...mediaHandlers.keys()].toSorted(),
    ["*", relationKey(x), relationKey(picture), '["public","step"]', '["public","step_any"]'].toSorted(),
  );
});
