#!/usr/bin/env node
// `npm create hotpath FOLDER` is `hotpath init FOLDER`, whichever hotpath npm has brought along.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const manifest = import.meta.resolve("hotpath/package.json");
const { bin } = JSON.parse(readFileSync(fileURLToPath(manifest), "utf8"));
const command = fileURLToPath(new URL(bin.hotpath, manifest));
const { status } = spawnSync(process.execPath, [command, "init", ...process.argv.slice(2)], { stdio: "inherit" });
process.exitCode = status ?? 1;
