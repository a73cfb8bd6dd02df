#!/usr/bin/env -S MALLOC_ARENA_MAX=1 node --max-semi-space-size=8 --heap-growing-percent=50
// These keep a busy server's memory down (docs/decisions.md, "Memory"), and are taken only at the start: by glibc, and by V8.
// Imports nothing at its top: an old Node must get as far as the message below.
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major < 22 || (major === 22 && minor < 19)) {
  process.stderr.write(
    `hotpath needs Node.js 22.19 or later; this is ${process.versions.node}.\nInstall a newer one: https://nodejs.org\n`,
  );
  process.exit(1);
}
const { runCommandLine } = await import("./run.ts");
process.exit(await runCommandLine(process.argv.slice(2)));
