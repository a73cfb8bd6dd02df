import assert from "node:assert/strict";
import { test } from "node:test";
import { parseArguments } from "../../src/cli/arguments.ts";
import type { Command } from "../../src/cli/command.ts";
import { COMMANDS } from "../../src/cli/commands.ts";
import { demo } from "../../src/cli/demo.ts";
import { serve } from "../../src/cli/serve.ts";
import type { ErrorCode } from "../../src/errors.ts";

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

test("a wrong flag or too many arguments are refused, with the nearest known flag", () => {
  const cases: [command: Command, argv: string[], code: ErrorCode, message: RegExp][] = [
    [serve, ["--pool-maxx=1"], "HP_OPTION_UNKNOWN", /flag --pool-maxx is not known\. Did you mean --pool-max\?/],
    [
      serve,
      ["--no-compresion"],
      "HP_OPTION_UNKNOWN",
      /flag --no-compresion is not known\. Did you mean --compression\?/,
    ],
    [serve, ["--no-port"], "HP_OPTION_UNKNOWN", /flag --no-port is not known/],
    [serve, ["-x"], "HP_OPTION_UNKNOWN", /flag -x is not known\.$/],
    [demo, ["--schemas", "a"], "HP_OPTION_UNKNOWN", /flag --schemas is not known/],
    [serve, ["--port"], "HP_OPTION_INVALID", /--port needs a value/],
    [serve, ["--port="], "HP_OPTION_INVALID", /--port needs a value/],
    [serve, ["--dev-tls=yes"], "HP_OPTION_INVALID", /--dev-tls takes no value/],
    [serve, ["a", "b"], "HP_ARGUMENT_INVALID", /serve takes one argument; "b" is one too many/],
    [demo, ["x"], "HP_ARGUMENT_INVALID", /demo takes no argument; "x" is one too many/],
  ];
  for (const [command, argv, code, message] of cases) {
    assert.throws(() => parseArguments(command, argv), { code, message }, argv.join(" "));
  }
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
