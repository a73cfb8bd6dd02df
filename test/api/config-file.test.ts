import assert from "node:assert/strict";
import { mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { CONFIG_NAMES, findConfigFile, loadConfigFile } from "../../src/api/config-file.ts";
import type { SourceFactories } from "../../src/api/source-factories.ts";
import { DEFINITION, resolveDefinition, toMountPoint, type ApiDefinition } from "../../src/api/definition.ts";
import type { Source } from "../../src/api/source.ts";

const DEFINE = `const define = (options, sources) => ({ [Symbol.for("hotpath.definition")]: { options, sources } });\n`;

let directory = "";
before(async () => {
  directory = await realpath(await mkdtemp(join(tmpdir(), "hotpath config ü ")));
  await writeFile(join(directory, "package.json"), `{ "type": "module" }`);
});
after(() => rm(directory, { recursive: true }));

describe("a config file", () => {
  test("in TypeScript and in JavaScript gives the definition it exports", async () => {
    for (const [name, annotation] of [
      ["good.ts", ": number"],
      ["good.mts", ": number"],
      ["good.js", ""],
      ["good.mjs", ""],
    ] as const) {
      await write(name, `${DEFINE}const port${annotation} = 4321;\nexport default define({ server: { port } }, {});`);
      const definition = await loadConfigFile(name, directory);
      assert.equal(definition.options.server?.port, 4321);
    }
  });

  test("is looked for by its names in order", async () => {
    assert.equal(await findConfigFile(directory), undefined);
    for (const name of CONFIG_NAMES.toReversed()) {
      await write(name, "");
      assert.equal(await findConfigFile(directory), join(directory, name));
    }
  });

  test("that does not exist is named", async () => {
    await assert.rejects(loadConfigFile("none.ts", directory), {
      code: "HP_CONFIG_MISSING",
      message: new RegExp(`${join(directory, "none.ts")} does not exist`),
    });
  });

  const faulty: [name: string, text: string, message: RegExp][] = [
    ["empty.ts", "export const x = 1;", /empty\.ts has no default export/],
    ["plain.ts", "export default { sources: {} };", /default export of .*plain\.ts was not made by defineApi/],
    ["syntax.ts", "const a: number = 1;\nconst b = {;\n", /syntax\.ts:2 cannot be read/],
    ["syntax.mjs", "const a = 1;\n\nconst b = {;\n", /syntax\.mjs:3 cannot be read/],
    ["enum.ts", "export {};\nenum Color { Red }\n", /enum\.ts:2 cannot be read: TypeScript enum/],
    ["throws.ts", "\n\nconst a: string = process.env.NOT_SET_ANYWHERE!;\na.trim();", /throws\.ts:4 failed: .*'trim'/],
    ["text.ts", "throw 'some text';", /text\.ts threw some text/],
    [
      "imports.ts",
      `import "not-installed-anywhere";`,
      /imports\.ts failed: Cannot find package 'not-installed-anywhere'/,
    ],
    ["name.ts", `\nimport { nope } from "node:fs";\nexport default nope;`, /name\.ts:2 cannot be read: .*'nope'/],
    ["nested.ts", `import "./syntax.ts";`, /syntax\.ts:2 cannot be read/],
  ];
  for (const [name, text, message] of faulty) {
    test(`that is wrong is named with its line, without a stack: ${name}`, async () => {
      await write("syntax.ts", "const a: number = 1;\nconst b = {;\n");
      await write(name, text);
      await assert.rejects(loadConfigFile(name, directory), (error: Error & { code: string }) => {
        assert.equal(error.code, "HP_CONFIG_INVALID");
        assert.match(error.message, message);
        assert.doesNotMatch(error.message, /\n|node:internal/);
        return true;
      });
    });
  }

  test("may raise our own errors, which come through as they are", async () => {
    const errors = new URL("../../src/errors.ts", import.meta.url).href;
    await write(
      "ours.ts",
      `import { HotpathError } from ${JSON.stringify(errors)};\nthrow new HotpathError("HP_OPTION_INVALID", "no");`,
    );
    await assert.rejects(loadConfigFile("ours.ts", directory), { code: "HP_OPTION_INVALID", message: "no" });
  });
});

describe("a definition", () => {
  const custom: Source = { name: "custom", resolve: () => ({ status: 204, headers: {}, body: undefined }) };
  const factories: SourceFactories = { postgres: () => custom, upstream: () => custom };

  test("is resolved with flags and environment before its own options", () => {
    const definition: ApiDefinition = {
      options: { server: { port: 1 }, log: { level: "warn" } },
      sources: {
        "/": { kind: "postgres", url: "postgres://u@localhost/a", options: { maxRows: 1, pool: { max: 3 } } },
        "/b/": { kind: "postgres", url: "postgres://u@localhost/b", options: {} },
        "/custom": custom,
      },
    };
    const urls: [string, number | null, number][] = [];
    const origins = { flags: new Map([["port", "2"]]), environment: { HOTPATH_MAX_ROWS: "9", HOTPATH_PORT: "3" } };
    const postgres: typeof factories.postgres = ({ url, maxRows, pool }) => {
      urls.push([url, maxRows, pool.max]);
      return custom;
    };
    const { server, sources } = resolveDefinition(definition, origins, { ...factories, postgres });
    assert.deepEqual([server.server.port, server.log.level], [2, "warn"]);
    assert.deepEqual(
      sources.map(({ path }) => path),
      ["/", "/b", "/custom"],
    );
    assert.deepEqual(urls, [
      ["postgres://u@localhost/a", 9, 3],
      ["postgres://u@localhost/b", 9, 10],
    ]);
  });

  test("without sources, or with two at one place, is refused", () => {
    for (const sources of [
      undefined as never,
      {},
      { "/": "postgres://h/d" as never },
      { "/a": custom, "/a/": custom },
    ]) {
      assert.throws(() => resolveDefinition({ options: {}, sources }, {}, factories), { code: "HP_OPTION_INVALID" });
    }
  });

  test("mounts sources at plain paths only", () => {
    for (const path of ["/", "/api", "/api/v1.2", "/a_b-c~d"]) assert.equal(toMountPoint(path), path);
    assert.equal(toMountPoint("/api/"), "/api");
    for (const path of ["", "api", "//", "/a//b", "/a?b", "/a b", "/../a", "/.", "/%61", "/a/:id", "/a//"]) {
      assert.throws(() => toMountPoint(path), { code: "HP_OPTION_INVALID" }, path);
    }
  });

  test("is found by a key that every copy of the package shares", () => {
    assert.equal(DEFINITION, Symbol.for("hotpath.definition"));
  });
});

async function write(name: string, text: string): Promise<void> {
  await writeFile(join(directory, name), text);
}
