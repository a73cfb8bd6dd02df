import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { defer, type TestScope } from "./defer.ts";

/** What a process holds, in bytes. */
export interface MemoryUse {
  readonly heapUsed: number;
  readonly rss: number;
}

/** A server in a process of its own, so that what it holds can be told, and that it lives. */
export interface ServerProcess {
  readonly url: string;
  readonly adminUrl: string;
  readonly child: ChildProcess;
  /** What it printed, and how it ended, if it was not told to. */
  readonly complaints: string[];
  /** After a collection. */
  memory(): Promise<MemoryUse>;
}

const MAX_COMPLAINTS = 50;

/**
 * Runs a script that starts a server and calls `serveFor`; gone when the scope has ended.
 *
 * @param script its URL
 */
export async function startServerProcess(t: TestScope, script: URL, words: readonly string[]): Promise<ServerProcess> {
  const child = fork(fileURLToPath(script), words, {
    execArgv: ["--expose-gc", "--max-semi-space-size=8"],
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
  const complaints: string[] = [];
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    if (complaints.length < MAX_COMPLAINTS) complaints.push(text.slice(0, 2000));
  });
  let isOver = false;
  child.once("exit", (status, signal) => {
    if (!isOver) complaints.push(`the server ended: ${signal ?? status}`);
  });
  defer(t, async () => {
    isOver = true;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    if (child.connected) child.disconnect();
    const timer = setTimeout(() => child.kill("SIGKILL"), STOP_TIMEOUT_MS);
    await ended;
    clearTimeout(timer);
  });
  const [{ url, adminUrl }] = (await once(child, "message")) as [{ url: string; adminUrl: string }];
  return {
    url,
    adminUrl,
    child,
    complaints,
    async memory() {
      const answer = once(child, "message");
      child.send("memory");
      const [told] = (await answer) as [MemoryUse];
      return told;
    },
  };
}

const STOP_TIMEOUT_MS = 5000;

/** The other side: tells where a server listens, then what the process holds whenever it is asked, and ends with whoever asks. */
export function serveFor(server: {
  readonly url: string;
  readonly adminUrl: string | undefined;
  close(): Promise<void>;
}): void {
  process.on("message", () => {
    globalThis.gc?.();
    const { heapUsed, rss } = process.memoryUsage();
    process.send?.({ heapUsed, rss });
  });
  process.on("disconnect", () => void server.close());
  process.send?.({ url: server.url, adminUrl: server.adminUrl });
}

/** What grew: the least that was held in the last fifth of a run, against the least of the second, when all was warm. */
export function memoryGrowth(samples: readonly MemoryUse[]): MemoryUse {
  const fifth = Math.floor(samples.length / 5);
  const least = (part: readonly MemoryUse[], of: keyof MemoryUse): number =>
    Math.min(...part.map((sample) => sample[of]));
  if (fifth === 0) return { heapUsed: 0, rss: 0 };
  const warm = samples.slice(fifth, 2 * fifth);
  const last = samples.slice(-fifth);
  return { heapUsed: least(last, "heapUsed") - least(warm, "heapUsed"), rss: least(last, "rss") - least(warm, "rss") };
}

/** For people. */
export function toMegabytes(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(1)} MB`;
}
