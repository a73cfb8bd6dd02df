import assert from "node:assert/strict";
import { test } from "node:test";
import { parseArguments } from "../../src/cli/arguments.ts";
import { COMMANDS } from "../../src/cli/commands.ts";
import { serve } from "../../src/cli/serve.ts";

test("flags are read in every form, apart from the command's own", () => {
  const { positionals, own, flags, wantsHelp } = parseArguments(serve, [
    "--port=8080",
    "postgres://localhost/shop",
    "--pool-max",
    "5",
    "--no-compression",
    "--dev-tls",
    "--base-path",
    "/api",
  ]);
  assert.deepEqual(positionals, ["postgres://localhost/shop"]);
  assert.deepEqual(Object.fromEntries(own), { "base-path": "/api" });
  const expected = { port: "8080", "pool-max": "5", compression: false, "dev-tls": true };
  assert.deepEqual(Object.fromEntries(flags), expected);
  assert.equal(wantsHelp, false);
});

test("a flag given twice counts once, the last time; the values of a list add up", () => {
  const argv = ["--port", "1", "--schemas", "a,b", "--compression", "--port=2", "--schemas", "c", "--no-compression"];
  const { flags } = parseArguments(serve, argv);
  assert.deepEqual(Object.fromEntries(flags), { port: "2", schemas: "a,b,c", compression: false });
});

test("what follows -- is no flag", () => {
  assert.deepEqual(parseArguments(serve, ["--", "--port"]).positionals, ["--port"]);
});

test("every command is listed by its own name", async () => {
  const loaded = await Promise.all(COMMANDS.map((entry) => entry.load()));
  assert.deepEqual(
    loaded.map(({ name }) => name),
    COMMANDS.map(({ name }) => name),
  );
});
