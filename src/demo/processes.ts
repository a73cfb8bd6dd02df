import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";

/**
 * Names a process beyond its number, which the system gives out again: `1234:5678`, where the second part is when it
 * started (Linux only, else empty).
 */
export async function processIdentity(pid: number): Promise<string> {
  return `${pid}:${await startTime(pid)}`;
}

/** Whether the process that had this identity still runs. */
export async function isIdentityAlive(identity: string): Promise<boolean> {
  const pid = Number.parseInt(identity, 10);
  return isAlive(pid) && (await processIdentity(pid)) === identity;
}

/** Whether a process of this number runs, whoever owns it. */
export function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** The command line of a process; empty when it has ended. */
export async function commandLine(pid: number): Promise<string> {
  if (process.platform === "linux") {
    return (await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")).replaceAll("\0", " ");
  }
  const answer = await promisify(execFile)("ps", ["-ww", "-o", "command=", "-p", String(pid)]).catch(() => undefined);
  return answer?.stdout ?? "";
}

/** Sends a signal; a process that has ended already is no error. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** Waits for a process that is not our child, whose end no event tells. Answers whether it ended in time. */
export async function waitForEnd(pid: number, timeoutMs: number): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  while (isAlive(pid)) {
    if (performance.now() > deadline) return false;
    await delay(20);
  }
  return true;
}

/** Field 22 of /proc/PID/stat; the name in field 2 may hold anything, so fields are counted from its closing bracket. */
async function startTime(pid: number): Promise<string> {
  const text = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  return text.slice(text.lastIndexOf(")") + 2).split(" ")[19] ?? "";
}
