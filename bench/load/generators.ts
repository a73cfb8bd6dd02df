import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { findCommand } from "../../test/support/commands.ts";

/** What `hotpath load` is called in tables. */
export const OURS = "hotpath load";
/** Its program, compiled. */
export const LOAD_MAIN = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
/** Where programs of the rivals stand. */
export const RIVALS_BIN = fileURLToPath(new URL("../node_modules/.bin/", import.meta.url));

/** What is read of Artillery's result. */
export interface ArtilleryReport {
  readonly aggregate: {
    /** Milliseconds since the epoch. */
    readonly firstMetricAt: number;
    readonly lastMetricAt: number;
    readonly counters: Readonly<Record<string, number>>;
    readonly summaries: Readonly<Record<string, { readonly p99: number }>>;
  };
}

/** Artillery is 300 MB of clouds' clients, so it is measured where ARTILLERY names its program, or it is on the path. */
export function artilleryCommand(): readonly string[] | undefined {
  const named = process.env["ARTILLERY"];
  if (named !== undefined) return [process.execPath, named];
  return findCommand("artillery") === undefined ? undefined : ["artillery"];
}

/** Runs a program and everything it starts to the end, and tells the processor time it took. */
export async function measure(
  words: readonly string[],
  signal: AbortSignal,
): Promise<{ printed: string; cpuSeconds: number; seconds: number }> {
  const startedAt = performance.now();
  const child = spawn("bash", ["-c", '"$@"; status=$?; times >&2; exit $status', "--", ...words], {
    stdio: ["ignore", "pipe", "pipe"],
    signal,
  });
  let printed = "";
  let said = "";
  child.stdout.on("data", (chunk: Buffer) => (printed += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (said = (said + chunk.toString()).slice(-4000)));
  const status = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  if (status !== 0) throw new Error(`${words.slice(0, 3).join(" ")} ended with ${status}: ${said}`);
  const last = said.trimEnd().split("\n").at(-1) ?? "";
  const cpuSeconds = [...last.matchAll(/(\d+)m([\d.]+)s/g)].reduce(
    (sum, [, minutes, seconds]) => sum + Number(minutes) * 60 + Number(seconds),
    0,
  );
  return { printed, cpuSeconds, seconds: (performance.now() - startedAt) / 1000 };
}
