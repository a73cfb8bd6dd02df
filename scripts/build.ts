// Compiles src/ to dist/, joins its modules, makes the pages of the dashboard and of load reports, and makes the command line executable. Runs on `npm install` (prepare) and `npm run build`.
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const compiler = new URL("../node_modules/typescript/bin/tsc", import.meta.url);

// Installed from a tarball (no sources, no compiler): dist/ is already there.
if (existsSync(compiler) && existsSync(new URL("../src/index.ts", import.meta.url))) {
  rmSync(new URL("../dist", import.meta.url), { recursive: true, force: true });
  const result = spawnSync(process.execPath, [fileURLToPath(compiler), "-p", "tsconfig.build.json"], {
    cwd: root,
    stdio: "inherit",
  });
  if (result.status !== 0) process.exit(result.status ?? 1);
  const { joinModules } = await import("./join-modules.ts");
  await joinModules(fileURLToPath(new URL("../dist", import.meta.url)));
  const { bundlePage } = await import("../src/observe/dashboard/bundle.ts");
  const { REPORT_ENTRY } = await import("../src/load/report/html.ts");
  for (const [place, entry] of [
    ["observe/dashboard", undefined],
    ["load/report", REPORT_ENTRY],
  ] as const) {
    const { script, style } = await bundlePage(entry);
    const built = new URL(`../dist/${place}/built/`, import.meta.url);
    mkdirSync(built, { recursive: true });
    writeFileSync(new URL("page.js", built), script);
    writeFileSync(new URL("page.css", built), style);
  }
  chmodSync(new URL("../dist/cli/main.js", import.meta.url), 0o755);
}
