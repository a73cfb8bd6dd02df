import { access, mkdir, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { HotpathError } from "../errors.ts";
import { VERSION } from "../version.ts";
import type { Command } from "./command.ts";

/** `hotpath init`: the beginning of a project. */
export const init: Command = {
  name: "init",
  summary: "Begin a project: a config file, a route, types and scripts.",
  usage: ["init [FOLDER]"],
  positionals: [{ name: "FOLDER", description: "Where to; made if it does not exist. [.]" }],
  flags: [],
  scopes: [],
  examples: ["hotpath init shop-api && cd shop-api && npm install && npm run dev"],
  async run({ positionals, directory, terminal }) {
    const folder = resolve(directory, positionals[0] ?? ".");
    const files = Object.entries(FILES).map(([name, text]) => ({ path: join(folder, name), name, text }));
    for (const { path, name } of files) {
      if (!(await exists(path))) continue;
      throw new HotpathError("HP_ARGUMENT_INVALID", `${name} is there already, and is left as it is.`, {
        todo: "Name an empty folder: hotpath init FOLDER",
      });
    }
    for (const { path, text } of files) {
      await mkdir(dirname(path), { recursive: true });
      // Refused where somebody has made one meanwhile.
      await writeFile(path, text, { flag: "wx" });
    }
    const names = files.map(({ name }) => `  ${name}\n`).join("");
    const where = positionals[0] === undefined ? "" : `cd ${positionals[0]} && `;
    terminal.out(`made:\n${names}next: ${where}npm install && npm run dev\n`);
  },
};

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

const CONFIG = `import { defineApi, postgres } from "hotpath";
import { routes } from "./routes.ts";

const database = process.env["DATABASE_URL"];

export default defineApi({
  // Tables and views are served below /api as soon as there is a database to serve.
  sources: database === undefined ? {} : { "/api": postgres(database) },
  routes,
});
`;

const ROUTES = `import { get } from "hotpath";
import { z } from "zod";

/** Try http://localhost:3000/hello/world?times=3 */
const hello = get("/hello/:name", {
  summary: "Says hello",
  params: z.object({ name: z.string().max(100) }),
  query: z.object({ times: z.coerce.number().int().min(1).max(10).default(1) }),
  reply: z.object({ greetings: z.array(z.string()) }),
  cache: { maxAge: "10s" },
  handle: ({ params, query }) => ({
    greetings: Array.from({ length: query.times }, () => \`Hello \${params.name}!\`),
  }),
});

export const routes = [hello];
`;

const PACKAGE = {
  private: true,
  type: "module",
  scripts: { dev: "hotpath dev", start: "hotpath serve", check: "tsc --noEmit" },
  dependencies: { hotpath: `^${VERSION}`, zod: "^4.6.0" },
  devDependencies: { "@types/node": "^24.0.0", typescript: "^7.0.0" },
  engines: { node: ">=22.19.0" },
};

const TSCONFIG = {
  compilerOptions: {
    target: "es2024",
    lib: ["es2024", "esnext.disposable"],
    module: "nodenext",
    strict: true,
    noEmit: true,
    allowImportingTsExtensions: true,
    erasableSyntaxOnly: true,
    verbatimModuleSyntax: true,
    skipLibCheck: true,
    types: ["node"],
  },
};

/** What a project begins with. */
const FILES: Readonly<Record<string, string>> = {
  "hotpath.config.ts": CONFIG,
  "routes.ts": ROUTES,
  "package.json": `${JSON.stringify(PACKAGE, null, 2)}\n`,
  "tsconfig.json": `${JSON.stringify(TSCONFIG, null, 2)}\n`,
  ".gitignore": "node_modules\n",
};
