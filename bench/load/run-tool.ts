import { spawn } from "node:child_process";

/** Runs a load generator to its end, on one core where that is said, and answers what it printed. */
export async function runTool(
  command: string,
  words: readonly string[],
  signal: AbortSignal,
  core?: number,
): Promise<string> {
  const [program = command, ...rest] = core === undefined ? [command] : ["taskset", "-c", String(core), command];
  const child = spawn(program, [...rest, ...words], { stdio: ["ignore", "pipe", "pipe"], signal });
  let printed = "";
  let complaints = "";
  child.stdout.on("data", (chunk: Buffer) => (printed += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (complaints = (complaints + chunk.toString()).slice(-2000)));
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (status) => {
      if (status === 0) resolve(printed);
      else reject(new Error(`${command} ended with ${status}: ${complaints}`));
    });
  });
}
