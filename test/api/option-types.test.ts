// The interfaces of options and settings are written out for readers; here the compiler compares them with the table.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { POSTGRES_OPTIONS } from "../../src/api/postgres-options.ts";
import type { ServerOptions, UpstreamOptions } from "../../src/api/option-types.ts";
import type { PostgrestOptions } from "../../src/api/postgres-option-types.ts";
import type { SERVER_OPTIONS } from "../../src/api/server-options.ts";
import type { PostgresSettings, ServerSettings, UpstreamSettings } from "../../src/api/settings.ts";
import type { UPSTREAM_OPTIONS } from "../../src/api/upstream-options.ts";

type Leaf = string | number | boolean | null | readonly unknown[];

/** Every leaf of a tree as a pair of its path and its type. */
type Leaves<Tree, Prefix extends string = ""> = {
  [Name in keyof Tree & string]: Tree[Name] extends Leaf
    ? [`${Prefix}${Name}`, Tree[Name]]
    : Leaves<Tree[Name], `${Prefix}${Name}.`>;
}[keyof Tree & string];

type OptionPaths<Tree, Prefix extends string = ""> = {
  [Name in keyof Tree & string]-?: NonNullable<Tree[Name]> extends Leaf
    ? `${Prefix}${Name}`
    : OptionPaths<NonNullable<Tree[Name]>, `${Prefix}${Name}.`>;
}[keyof Tree & string];

interface Values {
  string: string;
  path: string;
  integer: number;
  bytes: number;
  duration: number;
  boolean: boolean;
}
type RowLeaf<Row> = Row extends { path: infer Path extends string; type: infer Type }
  ? [Type extends "duration" ? `${Path}Ms` : Path, RowValue<Row, Type> | RowNull<Row>]
  : never;
type RowValue<Row, Type> = Type extends keyof Values
  ? Values[Type]
  : Row extends { choices: readonly (infer Choice)[] }
    ? Type extends "list"
      ? readonly Choice[]
      : Choice
    : readonly string[];
type RowNull<Row> = Row extends { default: null } | { nullable: true } ? null : never;

type Same<Left, Right> = [Left] extends [Right] ? ([Right] extends [Left] ? true : false) : false;

test("the settings' types are those of the option table", () => {
  const server: Same<Leaves<ServerSettings>, RowLeaf<(typeof SERVER_OPTIONS)[number]>> = true;
  const postgres: Same<Leaves<Omit<PostgresSettings, "url">>, RowLeaf<(typeof POSTGRES_OPTIONS)[number]>> = true;
  const upstream: Same<Leaves<Omit<UpstreamSettings, "url">>, RowLeaf<(typeof UPSTREAM_OPTIONS)[number]>> = true;
  assert.ok(server && postgres && upstream);
});

test("the options' types have the names of the option table", () => {
  const server: Same<OptionPaths<ServerOptions>, (typeof SERVER_OPTIONS)[number]["path"]> = true;
  const postgres: Same<OptionPaths<PostgrestOptions>, (typeof POSTGRES_OPTIONS)[number]["path"]> = true;
  const upstream: Same<OptionPaths<UpstreamOptions>, (typeof UPSTREAM_OPTIONS)[number]["path"]> = true;
  assert.ok(server && postgres && upstream);
});
