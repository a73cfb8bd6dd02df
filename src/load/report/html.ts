import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { LoadResult } from "../result.ts";

/** Where the page's own sources are. */
export const REPORT_ENTRY = fileURLToPath(new URL("../../dashboard/load-report/main.tsx", import.meta.url));
/** Left here by the build. */
const SCRIPT = new URL("./built/page.js", import.meta.url);
const STYLE = new URL("./built/page.css", import.meta.url);

/** The whole result as one page that needs nothing else, neither files nor a network. */
export async function renderHtml(result: LoadResult): Promise<string> {
  const { script, style } = await readBuilt();
  // No text of a result may end the element that it stands in.
  const json = JSON.stringify(result).replaceAll("<", String.raw`\u003c`);
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:">
<title>${result.title.replaceAll("&", "&amp;").replaceAll("<", "&lt;")} · hotpath load</title>
<link rel="icon" href="data:,">
<style>${style}</style>
<body><div id="page"></div><noscript>This report draws its charts by a program.</noscript>
<script type="application/json" id="result">${json}</script>
<script type="module">${script}</script>
</html>
`;
}

async function readBuilt(): Promise<{ script: string; style: string }> {
  try {
    return { script: await readFile(SCRIPT, "utf8"), style: await readFile(STYLE, "utf8") };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    const { bundlePage } = await import("../../observe/dashboard/bundle.ts");
    return bundlePage(REPORT_ENTRY);
  }
}
