import { spawn } from "node:child_process";
import { findCommand, installLine, OUTSIDE_COMMANDS } from "./commands.ts";

/** apt may hang on a machine without a network or behind another apt. */
const APT_TIMEOUT_MS = 90_000;

/**
 * Installs what tests need from outside npm, where that is ours to do: as root, with apt. Whatever is still missing
 * then is told to `say`, with the suites that will be skipped; it fails nothing.
 */
export async function installMissingCommands(say: (line: string) => void, signal: AbortSignal): Promise<void> {
  if (missingPackages().length === 0) return;
  if (process.getuid?.() === 0 && findCommand("apt-get") !== undefined) {
    say(`installing ${missingPackages().join(", ")}`);
    // An old machine knows stale package lists, a new one knows none: ask the mirrors only when the first try fails.
    const isInstalled = await aptGet(installArguments(missingPackages()), signal);
    const isUpdated = !isInstalled && (await aptGet(["update"], signal));
    if (isUpdated && !(await aptGet(installArguments(missingPackages()), signal))) {
      // One that is not to be had must not keep the others away.
      for (const name of missingPackages()) await aptGet(installArguments([name]), signal);
    }
  }
  for (const entry of OUTSIDE_COMMANDS.filter(({ command }) => findCommand(command) === undefined)) {
    say(`skipped without ${entry.command}: ${entry.usedBy} (${installLine([entry.package])})`);
  }
}

function missingPackages(): string[] {
  const missing = OUTSIDE_COMMANDS.filter(({ command }) => findCommand(command) === undefined);
  return [...new Set(missing.map((entry) => entry.package))];
}

function installArguments(packages: readonly string[]): string[] {
  return ["install", "--no-install-recommends", "-y", "-qq", ...packages];
}

async function aptGet(words: readonly string[], signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const child = spawn("apt-get", ["-o", "DPkg::Lock::Timeout=30", ...words], {
      env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
      stdio: "ignore",
      timeout: APT_TIMEOUT_MS,
      signal,
    });
    child.once("error", () => resolve(false));
    child.once("close", (status) => resolve(status === 0));
  });
}
