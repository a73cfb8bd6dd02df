import { spawn, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
/** A command that takes longer is stuck: tests fail rather than wait. */
const TIMEOUT_MS = 60_000;

export interface Outcome {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

export interface RunOptions {
  readonly environment?: Readonly<Record<string, string>>;
  readonly directory?: string;
}

export interface StartedCommand {
  readonly child: ChildProcess;
  readonly ended: Promise<Outcome>;
  /** Waits until the output matches; answers the first group. Rejects when the command ends before. */
  readonly said: (pattern: RegExp) => Promise<string>;
}

/** Runs the real command line to its end, with none of the caller's HOTPATH_ and PGRST_ variables. */
export async function runHotpath(argv: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  return startHotpath(argv, options).ended;
}

/** Starts the real command line; whoever starts it waits for `ended`. */
export function startHotpath(
  argv: readonly string[],
  { environment = {}, directory }: RunOptions = {},
): StartedCommand {
  const inherited = Object.entries(process.env).filter(([name]) => !/^(HOTPATH_|PGRST_|NODE_)/.test(name));
  const child = spawn(process.execPath, [MAIN, ...argv], {
    env: { ...Object.fromEntries(inherited), ...environment },
    ...(directory !== undefined && { cwd: directory }),
    stdio: ["ignore", "pipe", "pipe"],
    timeout: TIMEOUT_MS,
    killSignal: "SIGKILL",
  });
  let out = "";
  let err = "";
  const watchers = new Set<() => void>();
  const onOutput = (): void => {
    for (const watcher of watchers) watcher();
  };
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    out += text;
    onOutput();
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    err += text;
    onOutput();
  });
  const ended = new Promise<Outcome>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (status) => resolve({ status, out, err }));
  });
  const said = async (pattern: RegExp): Promise<string> => {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const look = (): void => {
      const match = pattern.exec(out + err);
      if (match) resolve(match[1] ?? match[0]);
    };
    watchers.add(look);
    child.once("close", () => reject(new Error(`ended before it said ${pattern}: ${out}${err}`)));
    look();
    return promise.finally(() => watchers.delete(look));
  };
  return { child, ended, said };
}
