import { readFileSync } from "node:fs";
import { registerHooks } from "node:module";

const ROOT = new URL("../../", import.meta.url);

/** Has the package's names lead to the sources while examples are loaded: as installed they lead to what was built. */
export async function withPackageNames<Loaded>(load: () => Promise<Loaded>): Promise<Loaded> {
  const { exports } = JSON.parse(readFileSync(new URL("package.json", ROOT), "utf8")) as {
    exports: Readonly<Record<string, { readonly default?: string }>>;
  };
  const hooks = registerHooks({
    resolve(specifier, context, next) {
      const target = specifier === "hotpath" ? exports["."] : exports[specifier.replace(/^hotpath\//, "./")];
      if (!/^hotpath(?:\/|$)/.test(specifier) || target?.default === undefined) return next(specifier, context);
      const path = target.default.replace("./dist/", "src/").replace(/\.js$/, ".ts");
      return { url: new URL(path, ROOT).href, format: "module-typescript", shortCircuit: true };
    },
  });
  try {
    return await load();
  } finally {
    hooks.deregister();
  }
}
