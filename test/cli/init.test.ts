import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { defer } from "../support/defer.ts";
import { testFolder } from "../support/postgres.ts";
import { runHotpath, startHotpath } from "./run-hotpath.ts";

const ROOT = new URL("../../", import.meta.url);

/** What `npm install` would bring: this package, from its sources, and what the project names besides. */
async function install(folder: string): Promise<void> {
  const modules = join(folder, "node_modules");
  await mkdir(join(modules, "hotpath"), { recursive: true });
  const index = new URL("src/index.ts", ROOT);
  await writeFile(
    join(modules, "hotpath", "package.json"),
    JSON.stringify({ name: "hotpath", type: "module", exports: { ".": "./index.js" } }),
  );
  await writeFile(join(modules, "hotpath", "index.js"), `export * from ${JSON.stringify(index.href)};\n`);
  await writeFile(join(modules, "hotpath", "index.d.ts"), `export * from ${JSON.stringify(fileURLToPath(index))};\n`);
  await symlink(fileURLToPath(new URL("node_modules/zod", ROOT)), join(modules, "zod"));
  await symlink(fileURLToPath(new URL("node_modules/@types", ROOT)), join(modules, "@types"));
}

test("a project that hotpath init begins compiles and answers", async (t) => {
  const folder = await testFolder(t);
  const { status, out, err } = await runHotpath(["init", "shop"], { directory: folder });
  assert.equal(status, 0, err);
  assert.match(out, /next: cd shop && npm install && npm run dev/);
  const project = join(folder, "shop");
  await install(project);
  const { scripts } = JSON.parse(await readFile(join(project, "package.json"), "utf8"));
  assert.deepEqual(scripts, { dev: "hotpath dev", start: "hotpath serve", check: "tsc --noEmit" });
  const compiler = fileURLToPath(new URL("node_modules/typescript/bin/tsc", ROOT));
  await promisify(execFile)(process.execPath, [compiler, "-p", project]);
  const server = startHotpath(["dev", "--port", "0", "--admin-port", "0", "--log-level", "silent"], {
    directory: project,
  });
  defer(t, async () => {
    server.child.kill("SIGTERM");
    await server.ended;
  });
  const url = await server.said(/ready\s+(http:\S+)/);
  const answer = await fetch(`${url}/hello/world?times=2`);
  assert.deepEqual(await answer.json(), { greetings: ["Hello world!", "Hello world!"] });
  assert.equal((await fetch(`${url}/hello/world?times=11`)).status, 400);
});

test("hotpath init leaves what is there as it is", async (t) => {
  const folder = await testFolder(t);
  await writeFile(join(folder, "routes.ts"), "mine");
  const { status, err } = await runHotpath(["init"], { directory: folder });
  assert.notEqual(status, 0);
  assert.match(err, /routes\.ts is there already/);
  assert.equal(await readFile(join(folder, "routes.ts"), "utf8"), "mine");
});
