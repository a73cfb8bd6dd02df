import { fileURLToPath } from "node:url";

/** Where the page's own sources are. */
const ENTRY = fileURLToPath(new URL("../../dashboard/main.tsx", import.meta.url));

/** Makes a page's script and style of its sources, the dashboard's unless told otherwise. Needs esbuild, which only the repository has: a package brings the page built. */
export async function bundlePage(entry = ENTRY): Promise<{ script: string; style: string }> {
  const { build } = await import("esbuild");
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    minify: true,
    write: false,
    outdir: "page",
    format: "esm",
    target: "es2022",
    jsx: "automatic",
    jsxImportSource: "preact",
    logLevel: "silent",
    legalComments: "none",
  });
  const textOf = (ending: string): string => outputFiles.find(({ path }) => path.endsWith(ending))?.text ?? "";
  // A script that stands in a page must not end it.
  return { script: textOf(".js").replaceAll("</script", "<\\/script"), style: textOf(".css") };
}
