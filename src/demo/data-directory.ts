import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chown, mkdir, readdir, readFile, rename, rm, stat, unlink, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { promisify } from "node:util";
import { HotpathError } from "../errors.ts";
import type { Account } from "./account.ts";
import type { Binaries } from "./binaries.ts";
import { commandLine, isAlive, isIdentityAlive, signal, waitForEnd } from "./processes.ts";
import { makeReachable } from "./shared-folder.ts";

/** Name of the superuser of every cluster that hotpath makes. */
export const SUPERUSER = "postgres";
/** The setting that carries the identity of the process a server was started by. */
export const OWNER_SETTING = "hotpath.owner";

const PASSWORD_FILE = "hotpath.password";
const INITDB_TIMEOUT_MS = 120_000;
/** How long a server that was left behind may take to shut down in good order, and then at all. */
const ORPHAN_FAST_MS = 10_000;
const ORPHAN_IMMEDIATE_MS = 5000;

/**
 * Makes `directory` a data directory that a server can be started on, whatever state it is in, and answers the
 * superuser's password. Throws HP_CLUSTER_VERSION, HP_CLUSTER_RUNNING and HP_CLUSTER_FAILED.
 */
export async function readyDataDirectory(
  directory: string,
  binaries: Binaries,
  account: Account | undefined,
): Promise<string> {
  const version = await readOptional(join(directory, "PG_VERSION"));
  if (version === undefined) await initialise(directory, binaries, account);
  else if (Number.parseInt(version, 10) !== binaries.majorVersion) {
    throw new HotpathError(
      "HP_CLUSTER_VERSION",
      `${directory} was made by PostgreSQL ${version.trim()}, but this is PostgreSQL ${binaries.majorVersion}`,
    );
  } else await endFormerServer(directory);
  const password = await readOptional(join(directory, PASSWORD_FILE));
  if (password !== undefined) return password.trim();
  throw new HotpathError("HP_CLUSTER_FAILED", `${directory} is a data directory, but hotpath did not make it`, {
    todo: "Choose another folder.",
  });
}

/**
 * Built beside its place and renamed at the end: what is interrupted leaves no half-made data directory, and of two
 * starts at once one wins.
 */
async function initialise(directory: string, binaries: Binaries, account: Account | undefined): Promise<void> {
  const draft = join(dirname(directory), `.${basename(directory)}-${process.pid}-${randomBytes(4).toString("hex")}`);
  const passwordFile = `${draft}.password`;
  try {
    await (account ? makeReachable(dirname(directory)) : mkdir(dirname(directory), { recursive: true }));
    await removeAbandonedDrafts(directory);
    await mkdir(draft, { mode: 0o700 });
    await writeFile(passwordFile, `${randomBytes(18).toString("base64url")}\n`, { mode: 0o600 });
    if (account) await Promise.all([draft, passwordFile].map(async (path) => chown(path, account.uid, account.gid)));
    await promisify(execFile)(binaries.initdb, initdbArguments(draft, passwordFile, binaries.majorVersion), {
      cwd: "/",
      env: { PATH: process.env["PATH"], LC_ALL: "C" },
      timeout: INITDB_TIMEOUT_MS,
      ...(account && { uid: account.uid, gid: account.gid }),
    });
    await rename(passwordFile, join(draft, PASSWORD_FILE));
    await rename(draft, directory).catch(async (error: unknown) => {
      // Somebody else's was ready first: theirs is as good.
      if ((await readOptional(join(directory, "PG_VERSION"))) === undefined) throw error;
    });
  } catch (error) {
    throw initialiseError(directory, account, error);
  } finally {
    await rm(passwordFile, { force: true });
    await rm(draft, { recursive: true, force: true });
  }
}

/** What processes that were killed while they made this data directory left beside it. */
async function removeAbandonedDrafts(directory: string): Promise<void> {
  const prefix = `.${basename(directory)}-`;
  for (const name of await readdir(dirname(directory))) {
    const pid = name.startsWith(prefix)
      ? /^(\d+)-[0-9a-f]{8}(?:\.password)?$/.exec(name.slice(prefix.length))?.[1]
      : undefined;
    if (pid !== undefined && !isAlive(Number(pid))) {
      await rm(join(dirname(directory), name), { recursive: true, force: true });
    }
  }
}

/** The built-in locale sorts by code point in every environment, so that results are the same on every machine. */
function initdbArguments(directory: string, passwordFile: string, majorVersion: number): string[] {
  const locale = majorVersion >= 17 ? ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"] : [];
  return [
    `--pgdata=${directory}`,
    `--username=${SUPERUSER}`,
    `--pwfile=${passwordFile}`,
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--locale=C",
    ...locale,
    "--no-sync",
    "--no-instructions",
  ];
}

function initialiseError(directory: string, account: Account | undefined, error: unknown): unknown {
  if (error instanceof HotpathError) return error;
  const { code, stderr } = error as { code?: string; stderr?: string };
  const who = account === undefined ? "" : ` as ${account.name}`;
  const detail = stderr?.trim() || (error instanceof Error ? error.message : String(error));
  return new HotpathError("HP_CLUSTER_FAILED", `no data directory could be made at ${directory}${who}: ${detail}`, {
    cause: error,
    ...(code === "ENOTEMPTY" || code === "EEXIST" || code === "ENOTDIR"
      ? { todo: "The folder holds something else: empty it, or choose another." }
      : { todo: "Choose a folder that this user may write and reach." }),
  });
}

/**
 * A server that was killed leaves its postmaster.pid; by now the number may belong to any program, which PostgreSQL
 * itself cannot tell. A server whose starter was killed may still run: it is ended, since nobody else will.
 */
async function endFormerServer(directory: string): Promise<void> {
  const file = join(directory, "postmaster.pid");
  const pid = Number.parseInt((await readOptional(file)) ?? "", 10);
  if (!isAlive(pid)) return;
  const command = await commandLine(pid);
  if (!command.includes(directory)) {
    await unlink(file).catch(() => undefined);
    return;
  }
  const owner = new RegExp(`${OWNER_SETTING}=(\\S+)`).exec(command)?.[1];
  if (owner === undefined || (await isIdentityAlive(owner))) throw runningError(directory, owner);
  signal(pid, "SIGINT");
  if (await waitForEnd(pid, ORPHAN_FAST_MS)) return;
  signal(pid, "SIGQUIT");
  if (!(await waitForEnd(pid, ORPHAN_IMMEDIATE_MS))) throw runningError(directory, owner);
}

/** The data directory is served already. */
export function runningError(directory: string, owner?: string): HotpathError {
  const who = owner === undefined ? "a server is running on it" : `process ${Number.parseInt(owner, 10)} uses it`;
  return new HotpathError("HP_CLUSTER_RUNNING", `the data directory ${directory} is in use: ${who}`);
}

/** `undefined` when there is no such file; a file that may not be read is an error of its own. */
async function readOptional(path: string): Promise<string | undefined> {
  try {
    await stat(dirname(path));
    return await readFile(path, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw new HotpathError("HP_CLUSTER_FAILED", `${path} cannot be read: ${String(error)}`, {
      cause: error,
      todo: "Run as the user that made the folder, or choose another folder.",
    });
  }
}
