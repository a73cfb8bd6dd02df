import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { test } from "node:test";
import { gzipSync } from "node:zlib";

const ENTRY = new URL("../../src/client/index.ts", import.meta.url);

/** Above what it is now by a tenth: growth should be a decision. */
const LIMIT_BYTES = 21_500;

/** Every module that runs when the client is imported, as JavaScript. Imports of types alone are gone by then. */
function modulesFrom(entry: URL): Map<string, string> {
  const modules = new Map<string, string>();
  const visit = (url: URL): void => {
    if (modules.has(url.href)) return;
    const code = stripTypeScriptTypes(readFileSync(url, "utf8"));
    modules.set(url.href, code);
    for (const [, specifier = ""] of code.matchAll(/\bfrom\s+"([^"]+)"/g)) {
      assert.match(specifier, /^\.\.?\//, `${url.pathname} imports ${specifier}`);
      visit(new URL(specifier, url));
    }
  };
  visit(entry);
  return modules;
}

await test("the client imports nothing of Node, nothing from packages, and stays small", () => {
  const modules = modulesFrom(ENTRY);
  assert.ok(modules.size > 10);
  const code = [...modules.values()].join("\n").replaceAll(/\/\*[^]*?\*\/|^\s*\/\/[^\n]*$/gm, "");
  for (const name of ["process", "Buffer", "require", "setImmediate"]) {
    assert.doesNotMatch(code, new RegExp(`\\b${name}\\b`), name);
  }
  const bytes = gzipSync(code.replaceAll(/\s+/g, " ")).byteLength;
  assert.ok(bytes < LIMIT_BYTES, `${bytes} bytes, compressed but not minified`);
});
