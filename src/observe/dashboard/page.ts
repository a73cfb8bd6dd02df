import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { bundlePage } from "./bundle.ts";

/** The dashboard as one page that needs nothing else. */
export interface Page {
  readonly html: string;
  /** Content-Security-Policy: what stands in the page may run, and nothing else. */
  readonly policy: string;
}

/** Left here by the build. */
const SCRIPT = new URL("./built/page.js", import.meta.url);
const STYLE = new URL("./built/page.css", import.meta.url);

let page: Promise<Page> | undefined;

/** The page, read once: as the build left it beside this file, or, run from the sources, built now. */
export function readPage(): Promise<Page> {
  page ??= load();
  return page;
}

async function load(): Promise<Page> {
  const { script, style } = await readBuilt();
  const policy =
    `default-src 'none'; script-src '${hashOf(script)}'; style-src 'unsafe-inline'; img-src data:; ` +
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
  const html = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>hotpath</title>
<link rel="icon" href="${ICON}">
<style>${style}</style>
<body><div id="page"></div><noscript>The dashboard is a program. Metrics are at /metrics.</noscript>
<script type="module">${script}</script>
</html>
`;
  return { html, policy };
}

async function readBuilt(): Promise<{ script: string; style: string }> {
  try {
    return { script: await readFile(SCRIPT, "utf8"), style: await readFile(STYLE, "utf8") };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    return bundlePage();
  }
}

function hashOf(text: string): string {
  return `sha256-${createHash("sha256").update(text).digest("base64")}`;
}

const ICON =
  "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Cpath d='M2 11 6 5l3 4 5-7' " +
  "fill='none' stroke='%23f0542d' stroke-width='2.4' stroke-linecap='round' stroke-linejoin='round'/%3E%3C/svg%3E";
