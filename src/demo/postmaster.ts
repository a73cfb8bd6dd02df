import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Account } from "./account.ts";
import { isAlive, signal } from "./processes.ts";

/** A running server process. */
export interface Postmaster {
  readonly pid: number;
  /** Settles when the process has ended. Never rejects. */
  readonly ended: Promise<void>;
  /** Ends it in good order within `FAST_STOP_MS`, else at once. */
  readonly stop: (mode?: "fast" | "immediate") => Promise<void>;
}

export interface PostmasterOptions {
  readonly program: string;
  readonly dataDirectory: string;
  readonly settings: Readonly<Record<string, string | number>>;
  readonly account: Account | undefined;
  /** Receives each line of the server's log. */
  readonly log: ((line: string) => void) | undefined;
  /** The data directory is removed when we are gone. */
  readonly temporary: boolean;
}

/** What a start that failed said last. */
export class StartFailure extends Error {
  override readonly name = "StartFailure";
  readonly lines: readonly string[];
  constructor(reason: string, lines: readonly string[]) {
    super(`${reason}\n${lines.join("\n")}`);
    this.lines = lines;
  }
}

const START_TIMEOUT_MS = 60_000;
const FAST_STOP_MS = 10_000;
const IMMEDIATE_STOP_MS = 5000;
/** Lines of the log kept for the message of a start that failed. */
const KEPT_LINES = 20;

/**
 * The server runs in a session of its own, so that Ctrl-C in the terminal reaches only us and requests under way can
 * still be answered. This little shell waits on a pipe that closes when we are gone, however we went, and then ends
 * the server: no way to die leaves one behind. Its words: the server's process id, a folder to remove or nothing.
 */
const WATCHDOG = `
read -r _
kill -INT "$1" 2>/dev/null
if [ -n "$2" ]; then
  kill -QUIT "$1" 2>/dev/null
  n=0
  while kill -0 "$1" 2>/dev/null && [ $n -lt 100 ]; do sleep 0.1; n=$((n+1)); done
  rm -rf -- "$2"
fi`;

/** Starts a server and waits until it accepts connections. Throws StartFailure. */
export async function startPostmaster(options: PostmasterOptions): Promise<Postmaster> {
  const identity = options.account && { uid: options.account.uid, gid: options.account.gid };
  const settings = Object.entries(options.settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  const child = spawn(options.program, ["-D", options.dataDirectory, ...settings], {
    cwd: "/",
    // English messages: one of them tells that the server is ready.
    env: { PATH: process.env["PATH"], LC_ALL: "C", TZ: "UTC" },
    stdio: ["ignore", "ignore", "pipe"],
    detached: true,
    ...identity,
  });
  const ended = new Promise<void>((resolve) => {
    child.once("error", () => resolve());
    child.once("exit", () => resolve());
  });
  const pid = child.pid;
  if (pid === undefined) throw new StartFailure(await spawnError(child), []);
  const watchdog = spawn(
    "/bin/sh",
    ["-c", WATCHDOG, "sh", String(pid), options.temporary ? options.dataDirectory : ""],
    {
      cwd: "/",
      stdio: ["pipe", "ignore", "ignore"],
      detached: true,
    },
  );
  watchdog.on("error", () => undefined);
  if (!options.temporary) child.once("exit", () => watchdog.kill("SIGKILL"));
  const stop = async (mode: "fast" | "immediate" = "fast"): Promise<void> => {
    await stopProcess(pid, ended, mode);
    if (options.temporary) await endWatchdog(watchdog);
  };
  try {
    await accepting(child, ended, options.log);
  } catch (error) {
    await stop("immediate");
    throw error;
  }
  // Whoever uses the server keeps the program alive, not the server itself.
  for (const handle of [child, watchdog, child.stderr, watchdog.stdin]) (handle as { unref?: () => void }).unref?.();
  return { pid, ended, stop };
}

async function stopProcess(pid: number, ended: Promise<void>, mode: "fast" | "immediate"): Promise<void> {
  const steps: readonly [NodeJS.Signals, number][] = [
    ["SIGINT", FAST_STOP_MS],
    ["SIGQUIT", IMMEDIATE_STOP_MS],
    ["SIGKILL", IMMEDIATE_STOP_MS],
  ];
  for (const [name, timeoutMs] of mode === "fast" ? steps : steps.slice(1)) {
    if (isAlive(pid)) signal(pid, name);
    if (await within(ended, timeoutMs)) return;
  }
}

/** Closing its pipe makes it remove the folder. */
async function endWatchdog(watchdog: ChildProcess): Promise<void> {
  if (watchdog.exitCode !== null || watchdog.signalCode !== null) return;
  const exited = new Promise<void>((resolve) => watchdog.once("exit", () => resolve()));
  watchdog.stdin?.end();
  await within(exited, IMMEDIATE_STOP_MS);
}

async function within(promise: Promise<void>, timeoutMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), timeoutMs);
  });
  try {
    return await Promise.race([promise.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}

async function accepting(child: ChildProcess, ended: Promise<void>, log?: (line: string) => void): Promise<void> {
  const lines: string[] = [];
  const ready = Promise.withResolvers<"ready">();
  createInterface({ input: child.stderr ?? process.stdin }).on("line", (line) => {
    log?.(line);
    if (lines.push(line) > KEPT_LINES) lines.shift();
    // A standby says "read-only connections".
    if (/database system is ready to accept (?:read-only )?connections$/.test(line)) ready.resolve("ready");
  });
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<"late">((resolve) => {
    timer = setTimeout(() => resolve("late"), START_TIMEOUT_MS);
  });
  const outcome = await Promise.race([ready.promise, late, ended.then(() => "ended" as const)]);
  clearTimeout(timer);
  if (outcome === "ended") {
    // The last lines may still be on their way.
    await within(new Promise<void>((resolve) => child.once("close", () => resolve())), 200);
    throw new StartFailure("the server ended while it was starting", lines);
  }
  if (outcome === "late") throw new StartFailure("the server was not ready in time", lines);
}

async function spawnError(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => child.once("error", (error) => resolve(error.message)));
}
