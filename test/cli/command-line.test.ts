import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { PUBLIC_OPTIONS } from "../../src/api/option-table.ts";
import { runHotpath, type RunOptions } from "./run-hotpath.ts";

let directory = "";
before(async () => {
  directory = await mkdtemp(join(tmpdir(), "hotpath-cli-"));
  await writeFile(join(directory, "broken.mjs"), "const a = 1;\nconst b = {;\n");
  await writeFile(join(directory, "plain.mjs"), "export default {};\n");
});
after(() => rm(directory, { recursive: true }));

describe("help", () => {
  test("lists the commands, with and without --help", async () => {
    for (const argv of [[], ["help"], ["--help"], ["-h"]]) {
      const { status, out, err } = await runHotpath(argv);
      assert.deepEqual([status, err], [0, ""]);
      for (const command of ["demo", "serve", "postgrest"]) assert.match(out, new RegExp(`^  ${command} +\\S`, "m"));
      assert.match(out, /Exit status/);
    }
  });

  test("of serve names every option of the table with its default", async () => {
    const { out } = await runHotpath(["help", "serve"]);
    for (const { flag, type } of PUBLIC_OPTIONS) {
      assert.match(out, new RegExp(`^  --${type === "boolean" ? "\\[no-\\]" : ""}${flag}( |$)`, "m"), flag);
    }
    assert.match(out, /--port N .*\[3000\]/);
    assert.ok(out.split("\n").every((line) => line.length <= 120));
    assert.deepEqual(await runHotpath(["serve", "--port", "1", "--help"]), await runHotpath(["help", "serve"]));
  });

  test("carries no colours where it is not read on a terminal", async () => {
    assert.ok(!(await runHotpath(["--help"])).out.includes("\u001B"));
  });

  test("the version is the package's", async () => {
    assert.match((await runHotpath(["--version"])).out, /^\d+\.\d+\.\d+\n$/);
  });
});

describe("a wrong command line ends with status 2 and says what to do", { concurrency: 4 }, () => {
  const database = "postgres://user:hunter2@127.0.0.1:1/shop";
  const cases: [argv: string[], message: RegExp, options?: RunOptions][] = [
    [["servee"], /no command "servee"\. Did you mean hotpath serve\?/],
    [[database], /Did you mean hotpath serve URL\?/],
    [["serve", "--prot", "1"], /flag --prot is not known\. Did you mean --port\?/],
    [["serve", database, "--port", "70000"], /--port must be an integer from 0 to 65535; received "70000"/],
    [["serve", database, "extra"], /takes one argument; "extra" is one too many/],
    [["demo", "--scale", "0"], /--scale must be a number above 0/],
    [["serve", "http://user:hunter2@localhost:4000"], /upstream must not hold a user or password/],
    [["serve", database, "--base-path", "api"], /base path must be a path such as .*"api"/],
    [["serve", database, "--config", "x"], /either a URL or --config/],
    [["serve"], /no hotpath\.config\.ts in .*hotpath serve postgres:/s],
    [["serve", "--config", "none.ts"], /none\.ts does not exist/],
    [["serve"], /none\.ts does not exist/, { environment: { HOTPATH_CONFIG: "none.ts" } }],
    [["serve", "--config", "broken.mjs"], /broken\.mjs:2 cannot be read/],
    [["serve", "--config", "plain.mjs"], /plain\.mjs was not made by defineApi/],
    [["serve", "--config", "plain.mjs", "--base-path", "/api"], /--base-path goes with a URL/],
    [
      ["serve", database],
      /HOTPATH_PROT is not known\. Did you mean HOTPATH_PORT\?/,
      { environment: { HOTPATH_PROT: "1" } },
    ],
    [["serve", database], /HOTPATH_ROW_PATHS must be true or false/, { environment: { HOTPATH_ROW_PATHS: "maybe" } }],
    [["serve"], /must begin with postgres:/, { environment: { HOTPATH_DATABASE_URL: "shop" } }],
    [
      ["postgrest"],
      /PGRST_SERVER_PORT must be an integer from 0 to 65535/,
      { environment: { PGRST_SERVER_PORT: "70000" } },
    ],
    [["key"], /takes the name of who gets it/],
    [["key", "a", "--role", "a:b"], /must be a list of API keys .*name:role:hash/],
    [["postgrest", "none.conf"], /none\.conf cannot be read \(ENOENT\)/],
  ];
  for (const [argv, message, options] of cases) {
    test(`hotpath ${argv.join(" ").replace("user:hunter2@", "")} ${JSON.stringify(options?.environment ?? {})}`, async () => {
      const { status, out, err } = await runHotpath(argv, { directory, ...options });
      assert.match(err, message);
      assert.match(err, /^hotpath: .*\n  .* \(HP_[A-Z_]+\)\n$/);
      assert.doesNotMatch(err, /hunter2|\n +at /);
      assert.deepEqual([status, out], [2, ""]);
    });
  }

  test("and shows where it comes from with HOTPATH_DEBUG", async () => {
    const { err } = await runHotpath(["servee"], { environment: { HOTPATH_DEBUG: "1" } });
    assert.match(err, /\n +at /);
  });
});

test("a key is made with the entry that servers know it by", async () => {
  const { status, out, err } = await runHotpath(["key", "reports", "--role", "reader"]);
  const [, hash = ""] = /^reports:reader:([0-9a-f]{64})$/m.exec(err) ?? [];
  assert.equal(status, 0);
  assert.match(out, /^hp_[\w-]{43}\n$/);
  assert.equal(createHash("sha256").update(out.trim()).digest("hex"), hash);
  assert.notEqual((await runHotpath(["key", "reports"])).out, out);
});

describe("a port in use", () => {
  for (const flag of ["--port", "--admin-port"]) {
    test(`is found before the demo's data is loaded, and the message names ${flag}`, async () => {
      const server = createServer().listen(0, "127.0.0.1");
      await new Promise((resolve) => server.once("listening", resolve));
      const { port } = server.address() as AddressInfo;
      try {
        const other = flag === "--port" ? "--admin-port" : "--port";
        const { status, err } = await runHotpath(["demo", flag, String(port), other, "0"]);
        assert.equal(status, 1);
        assert.match(err, new RegExp(`Port ${port} on 127\\.0\\.0\\.1 is in use.*\\n.*${flag} `));
        assert.doesNotMatch(err, /PostgreSQL|Loading/);
      } finally {
        await new Promise((resolve) => server.close(resolve));
      }
    });
  }
});
