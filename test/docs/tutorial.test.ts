import assert from "node:assert/strict";
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdir, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { loadShop } from "../../src/demo/shop.ts";
import { requireCommand } from "../support/commands.ts";
import { defer, type TestScope } from "../support/defer.ts";
import { testDatabase, testFolder } from "../support/postgres.ts";

const ROOT = new URL("../../", import.meta.url);
const run = promisify(execFile);
const path = (name: string): string => fileURLToPath(new URL(name, ROOT));

/** What `npm install` brings: this package, from its sources, and what a project names besides. */
async function installHotpath(folder: string): Promise<void> {
  const modules = join(folder, "node_modules");
  const installed = join(modules, "hotpath");
  await mkdir(installed, { recursive: true });
  await mkdir(join(modules, ".bin"), { recursive: true });
  const exports = { ".": "./index.js", "./package.json": "./package.json" };
  const manifest = { name: "hotpath", type: "module", bin: { hotpath: "./main.js" }, exports };
  await writeFile(join(installed, "package.json"), JSON.stringify(manifest));
  const index = new URL("src/index.ts", ROOT);
  await writeFile(join(installed, "index.js"), `export * from ${JSON.stringify(index.href)};\n`);
  await writeFile(join(installed, "index.d.ts"), `export * from ${JSON.stringify(path("src/index.ts"))};\n`);
  const main = new URL("src/cli/main.ts", ROOT).href;
  await writeFile(join(installed, "main.js"), `#!/usr/bin/env node\nawait import(${JSON.stringify(main)});\n`, {
    mode: 0o755,
  });
  await symlink("../hotpath/main.js", join(modules, ".bin", "hotpath"));
  await symlink(path("node_modules/zod"), join(modules, "zod"));
  await symlink(path("node_modules/@types"), join(modules, "@types"));
  await symlink(path("node_modules/typescript"), join(modules, "typescript"));
  await symlink("../typescript/bin/tsc", join(modules, ".bin", "tsc"));
}

/** The package as it would be published, unpacked beside hotpath. */
async function installCreate(folder: string): Promise<string> {
  const packages = path("packages/create-hotpath");
  const { stdout } = await run("npm", ["pack", "--json", "--pack-destination", folder], { cwd: packages });
  const [packed] = JSON.parse(stdout) as { filename: string; files: { path: string }[] }[];
  assert.ok(packed !== undefined);
  assert.deepEqual(packed.files.map((file) => file.path).sort(), ["README.md", "create.js", "package.json"]);
  const installed = join(folder, "node_modules", "create-hotpath");
  await mkdir(installed, { recursive: true });
  await run("tar", ["-xzf", join(folder, packed.filename), "-C", installed, "--strip-components=1"]);
  return join(installed, "create.js");
}

interface Started {
  readonly url: string;
  readonly adminUrl: string;
}

/** Runs the tutorial's commands one after the other, in one shell as it were. */
class Reader {
  directory: string;
  readonly environment: Record<string, string | undefined>;
  server: Started | undefined;
  readonly #t: TestScope;
  #child: ChildProcess | undefined;

  constructor(t: TestScope, directory: string, environment: Record<string, string | undefined>) {
    this.#t = t;
    this.directory = directory;
    this.environment = environment;
  }

  async shell(command: string): Promise<string> {
    const options = { cwd: this.directory, env: this.environment, maxBuffer: 1 << 26 };
    return (await run("bash", ["-e", "-o", "pipefail", "-c", command], options)).stdout;
  }

  async serve(command: string): Promise<void> {
    await this.stop();
    const [program = "", ...words] = command.split(" ");
    // A group of its own: npm hands no signals on.
    const options = { cwd: this.directory, env: this.environment, detached: true } as const;
    const child = spawn(program, words, { ...options, stdio: ["ignore", "pipe", "pipe"] });
    this.#child = child;
    defer(this.#t, () => this.stop());
    const { promise, resolve, reject } = Promise.withResolvers<Started>();
    let said = "";
    const hear = (text: Buffer): void => {
      said += text.toString();
      const [, url] = /ready\s+(http:\S+)/.exec(said) ?? [];
      const [, adminUrl] = /(http:\S+)\s+admin:/.exec(said) ?? [];
      if (url !== undefined && adminUrl !== undefined) resolve({ url, adminUrl });
    };
    child.stdout.on("data", hear);
    child.stderr.on("data", hear);
    child.once("close", () => reject(new Error(`${command} ended: ${said}`)));
    this.server = await promise;
  }

  async stop(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child?.pid === undefined || child.exitCode !== null) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    child.once("close", () => resolve());
    process.kill(-child.pid, "SIGTERM");
    await promise;
  }
}

await test("the tutorial's commands begin a project, serve it and deploy it", async (t) => {
  if (requireCommand(t, "curl") === undefined) return;
  const folder = await testFolder(t);
  const database = await testDatabase(t);
  await loadShop(database, { scale: 0.01 });
  await installHotpath(folder);
  const create = await installCreate(folder);
  const inherited = Object.entries(process.env).filter(([name]) => !/^(?:HOTPATH_|PGRST_|NODE_|npm_)/i.test(name));
  const reader = new Reader(t, folder, {
    ...Object.fromEntries(inherited),
    HOTPATH_PORT: "0",
    HOTPATH_ADMIN_PORT: "0",
    npm_config_offline: "true",
    npm_config_update_notifier: "false",
  });
  const tutorial = await readFile(new URL("docs/guide/tutorial.md", ROOT), "utf8");
  const answers: string[] = [];
  const done: string[] = [];
  for (const [, language, block = ""] of tutorial.matchAll(/^```(sh|ts)\n(.*?)^```/gms)) {
    if (language === "ts") {
      const file = join(reader.directory, "routes.ts");
      const routes = await readFile(file, "utf8");
      const longer = routes.replace(
        "export const routes = [hello]",
        `${block}\nexport const routes = [hello, customer]`,
      );
      assert.notEqual(longer, routes);
      await writeFile(file, longer);
      continue;
    }
    for (const line of block.trim().split("\n")) {
      done.push(line);
      const [, folderName] = /^cd (\S+)$/.exec(line) ?? [];
      const [, name, value] = /^export (\w+)=(\S+)$/.exec(line) ?? [];
      if (line.startsWith("npm create hotpath ")) {
        await reader.shell(line.replace("npm create hotpath", `node ${create}`));
      } else if (folderName !== undefined) reader.directory = join(reader.directory, folderName);
      else if (line === "npm install") await installHotpath(reader.directory);
      else if (name !== undefined) reader.environment[name] = name === "DATABASE_URL" ? database : value;
      else if (line === "npm run dev" || line === "npm start") await reader.serve(line);
      else {
        const { url = "", adminUrl = "" } = reader.server ?? {};
        const command = line.replace("http://localhost:3000", url).replace("http://127.0.0.1:3001", adminUrl);
        answers.push(await reader.shell(command.replace(/^curl /, "curl -sS --fail --max-time 30 ")));
      }
    }
  }
  assert.ok(done.includes("npm start") && done.includes("npm run check"));
  const [hello = "", products = "", check, customer = "", types, ready = "", metrics = ""] = answers;
  assert.deepEqual(JSON.parse(hello), { greetings: ["Hello world!", "Hello world!", "Hello world!"] });
  assert.equal((JSON.parse(products) as unknown[]).length, 3);
  assert.doesNotMatch(String(check), /error/);
  assert.equal((JSON.parse(customer) as { user: { id: number } }).user.id, 1);
  assert.equal(types, "");
  assert.ok((await readdir(reader.directory)).includes("database.ts"));
  assert.match(ready, /ok|ready/);
  assert.match(metrics, /api_requests_total/);
  const routes = reader.server?.url ?? "";
  assert.equal((await fetch(`${routes}/hello/world?times=11`)).status, 400);
  assert.equal((await fetch(`${routes}/customers/none`)).status, 400);
  assert.equal((await fetch(`${routes}/customers/99999`)).status, 404);
});

await test("create-hotpath and hotpath have one version", async () => {
  const own = JSON.parse(await readFile(new URL("package.json", ROOT), "utf8")) as { version: string };
  const text = await readFile(new URL("packages/create-hotpath/package.json", ROOT), "utf8");
  const created = JSON.parse(text) as { version: string; dependencies: Readonly<Record<string, string>> };
  assert.equal(created.version, own.version);
  assert.deepEqual(created.dependencies, { hotpath: `^${own.version}` });
});
