// Joins the compiled modules of dist/ into few: Node takes a third of a millisecond to find and link each, and a server has hundreds.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { build, type Plugin } from "esbuild";

/** Programs that a module starts by their file's name. */
const STARTED = ["load/worker.js"];
/** Where scripts of pages are put, which are no programs. */
const PAGES = ["observe/dashboard/built/", "load/report/built/"];
/** Stands for the way from a file to dist/, until it is known which file a module ends up in. */
const DIST = "__DIST__/";

/**
 * Puts modules that load together into one file each, in `chunks/`, and leaves what the package exports, its command and the programs it
 * starts where they were. What is imported on demand stays apart; packages are imported as before.
 *
 * @throws Error for a module that names a program of ours that is none of these.
 */
export async function joinModules(dist: string): Promise<void> {
  const entries = [...exported(dist), ...STARTED.map((name) => join(dist, name))];
  const { outputFiles } = await build({
    entryPoints: entries,
    outdir: dist,
    outbase: dist,
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node22",
    packages: "external",
    chunkNames: "chunks/[name]-[hash]",
    legalComments: "none",
    logLevel: "warning",
    write: false,
    plugins: [keepPlaces(dist)],
  });
  for (const file of readdirSync(dist, { recursive: true, encoding: "utf8" })) {
    if (file.endsWith(".js")) rmSync(join(dist, file));
  }
  for (const { path, text } of outputFiles) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text.replaceAll(DIST, `${relative(dirname(path), dist) || "."}/`));
  }
}

function exported(dist: string): readonly string[] {
  const root = dirname(dist);
  const { bin, exports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as Manifest;
  const named = Object.values(exports).flatMap((target) => (typeof target === "string" ? [] : [target.default]));
  return [...named, ...Object.values(bin)].map((name) => resolve(root, name));
}

interface Manifest {
  readonly bin: Readonly<Record<string, string>>;
  readonly exports: Readonly<Record<string, string | { readonly default: string }>>;
}

/** `import.meta.url` goes on to say where the module was compiled to: files beside it are still there. */
function keepPlaces(dist: string): Plugin {
  return {
    name: "keep places",
    setup(bundler) {
      bundler.onLoad({ filter: /\.js$/, namespace: "file" }, ({ path }) => {
        const text = readFileSync(path, "utf8");
        if (!text.includes("import.meta")) return undefined;
        for (const [, name = ""] of text.matchAll(/"(\.\.?\/[\w./-]+\.js)", import\.meta\.url/g)) {
          const program = relative(dist, resolve(dirname(path), name));
          if (!PAGES.some((folder) => program.startsWith(folder)) && !STARTED.includes(program)) {
            throw new Error(`${relative(dist, path)} starts ${program}: add it to STARTED`);
          }
        }
        const place = JSON.stringify(DIST + relative(dist, path));
        return {
          contents: text.replaceAll("import.meta.url", `new URL(${place}, import.meta.url).href`),
          loader: "js",
        };
      });
    },
  };
}
