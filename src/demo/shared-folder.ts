import { chmod, lstat, mkdir } from "node:fs/promises";
import { dirname } from "node:path";

/**
 * Makes a folder that other users of the machine may enter and read but only we may write, whatever our umask, or
 * takes the one that is there: the first of `candidates` that can be had. Throws the last one's error.
 */
export async function openSharedFolder(candidates: readonly string[]): Promise<string> {
  let failure: unknown;
  for (const folder of candidates) {
    try {
      await makeReachable(folder);
      await assertOwn(folder);
      return folder;
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

/** Makes a folder and those above it that are missing; the new ones can be entered by every user. */
export async function makeReachable(folder: string): Promise<void> {
  const first = await mkdir(folder, { recursive: true });
  if (first === undefined) return;
  for (let each = folder; each.length >= first.length; each = dirname(each)) await chmod(each, 0o755);
}

/** One in /var/tmp may have been laid out by anybody, to have root run their programs. */
async function assertOwn(folder: string): Promise<void> {
  const status = await lstat(folder);
  if (!status.isDirectory() || status.uid !== process.getuid?.() || (status.mode & 0o022) !== 0) {
    throw new Error(`${folder} can be written by somebody else`);
  }
  if ((status.mode & 0o055) !== 0o055) await chmod(folder, 0o755);
}
