import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { defer } from "../support/defer.ts";
import { startHotpath } from "./run-hotpath.ts";

const INDEX = new URL("../../src/index.ts", import.meta.url).href;
const PORTS = ["--port", "0", "--admin-port", "0", "--log-level", "silent"];

async function folderOf(t: TestContext, files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "dev-"));
  defer(t, () => rm(folder, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  return folder;
}

function answering(text: string): string {
  return `import { get } from ${JSON.stringify(INDEX)};
    export const routes = [get("/", { handle: () => ${JSON.stringify(text)} })];`;
}

const CONFIG = `import { defineApi } from ${JSON.stringify(INDEX)};
  import { routes } from "./routes.ts";
  export default defineApi({ routes });`;

test("hotpath dev serves what its files say now, and goes on with what ran where they are wrong", async (t) => {
  const folder = await folderOf(t, { "hotpath.config.ts": CONFIG, "routes.ts": answering("first") });
  const server = startHotpath(["dev", ...PORTS], { directory: folder });
  defer(t, async () => {
    server.child.kill("SIGTERM");
    await server.ended;
  });
  const url = await server.said(/ready\s+(http:\S+)/);
  await server.said(/files are watched/);
  const answer = async (): Promise<unknown> => (await fetch(url)).json();
  assert.equal(await answer(), "first");
  await writeFile(join(folder, "routes.ts"), answering("second"));
  await server.said(/reloaded in/);
  assert.equal(await answer(), "second");
  await writeFile(join(folder, "routes.ts"), "export const routes = [7];");
  await server.said(/not reloaded: Option routes must be/);
  assert.equal(await answer(), "second");
  await writeFile(join(folder, "routes.ts"), answering("third"));
  // Until then it is the one before; the command is killed if it takes a minute.
  for (let now = await answer(); now !== "third"; now = await answer()) assert.equal(now, "second");
});

test("hotpath dev without a config file says how to make one", async (t) => {
  const folder = await folderOf(t, {});
  const { status, err } = await startHotpath(["dev", ...PORTS], { directory: folder }).ended;
  assert.notEqual(status, 0);
  assert.match(err, /no hotpath\.config\.ts[^]*hotpath init/);
});
