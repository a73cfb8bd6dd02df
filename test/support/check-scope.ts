import { findCommand } from "./commands.ts";
import type { TestScope } from "./defer.ts";
import { startRedisServer } from "./redis.ts";

/** What a check that is run as a command has in place of a test's context. */
export interface CheckScope extends TestScope {
  readonly say: (line: string) => void;
  /** A Redis of its own; undefined, and said, where there is none on this machine. */
  readonly redis: () => ReturnType<typeof startRedisServer> | undefined;
}

/** Runs a check, and releases in the end what it took, the last first. */
export async function runCheck(check: (scope: CheckScope) => Promise<void>): Promise<void> {
  const releases: (() => Promise<void> | void)[] = [];
  const scope: CheckScope = {
    after: (release) => void releases.push(release),
    say,
    redis() {
      const program = findCommand("redis-server");
      if (program !== undefined) return startRedisServer(scope, program);
      say("there is no redis-server here: it is left out");
      return undefined;
    },
  };
  try {
    await check(scope);
  } finally {
    for (const release of releases.reverse()) await release();
  }
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
