// Releases what is checked out: `npm run release` checks all there is to check and packs; `npm run release -- --publish` publishes besides.
//
// Publishing is for a CI job with an identity of its own (`id-token: write`): npm then signs where the package was built from which commit
// (provenance), and refuses to do so anywhere else.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";

const root = new URL("..", import.meta.url);
const { values } = parseArgs({ options: { publish: { type: "boolean", default: false } } });
const { name, version } = JSON.parse(readFileSync(new URL("package.json", root), "utf8")) as {
  name: string;
  version: string;
};

function run(program: string, ...words: string[]): void {
  execFileSync(program, words, { cwd: root, stdio: "inherit" });
}

function output(program: string, ...words: string[]): string {
  return execFileSync(program, words, { cwd: root, encoding: "utf8" }).trim();
}

function demand(isSo: boolean, words: string): void {
  if (isSo) return;
  process.stderr.write(`not released: ${words}\n`);
  process.exit(1);
}

demand(output("git", "status", "--porcelain") === "", "there are changes that no commit has");
demand(output("git", "tag", "--points-at", "HEAD").split("\n").includes(`v${version}`), `no tag v${version} is here`);
const changelog = readFileSync(new URL("CHANGELOG.md", root), "utf8");
demand(
  changelog.includes(`## ${version}`) && !changelog.includes(`## ${version}, unreleased`),
  `CHANGELOG.md has no date for ${version}`,
);
// What is installed is what the lockfile says.
run("npm", "ci");
run("npm", "test");
run("npm", "pack", "--dry-run");
if (values.publish) {
  demand(
    process.env["ACTIONS_ID_TOKEN_REQUEST_URL"] !== undefined,
    "there is no identity to sign with: publish from CI",
  );
  run("npm", "publish", "--provenance", "--access", "public");
}
process.stdout.write(`${name} ${version} ${values.publish ? "is published" : "can be published"}\n`);
