import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import type { TestContext } from "node:test";

/** A program that npm cannot bring and some tests need. */
export interface OutsideCommand {
  readonly command: string;
  /** Debian package that brings it. */
  readonly package: string;
  /** What is skipped without it. */
  readonly usedBy: string;
}

/** Every program from outside npm that tests use. `test/run.ts` installs what is missing where it may. */
export const OUTSIDE_COMMANDS: readonly OutsideCommand[] = [
  { command: "curl", package: "curl", usedBy: "test/server: HTTP/1.1, HTTP/2 and h2c by curl" },
  { command: "h2load", package: "nghttp2-client", usedBy: "test/server: HTTP/2 under load" },
  { command: "nghttp", package: "nghttp2-client", usedBy: "test/server: HTTP/2 by nghttp" },
  { command: "memcached", package: "memcached", usedBy: "test/cache: the Memcached tier" },
  {
    command: "nginx",
    package: "nginx-light",
    usedBy: "test/upstream: smuggling, read by nginx and by Node; test/deploy: the nginx in front",
  },
  {
    command: "protoc",
    package: "protobuf-compiler",
    usedBy: "test/postgres/protobuf, test/server/rpc: what protoc makes of schema.proto",
  },
  { command: "psql", package: "postgresql-client", usedBy: "test/postgres: Chinook compared with psql" },
  { command: "pgbouncer", package: "pgbouncer", usedBy: "test/postgres: behind PgBouncer" },
  { command: "promtool", package: "prometheus", usedBy: "test/observe, test/deploy: what Prometheus makes of it" },
  { command: "redis-server", package: "redis-server", usedBy: "test/cache: the Redis tier" },
  { command: "slowhttptest", package: "slowhttptest", usedBy: "test/server: slow clients by slowhttptest" },
  { command: "varnishd", package: "varnish", usedBy: "test/deploy: the Varnish in front" },
  { command: "wrk", package: "wrk", usedBy: "test/server: HTTP/1.1 under load" },
];

/**
 * Answers the path of a program, or skips the test with the line that installs it:
 * `const curl = requireCommand(t, "curl"); if (curl === undefined) return;`
 */
export function requireCommand(t: TestContext, command: string): string | undefined {
  const path = findCommand(command);
  if (path === undefined) t.skip(`${command} is not installed: ${installLine([packageOf(command)])}`);
  return path;
}

/** Where on the PATH a program is. */
export function findCommand(command: string): string | undefined {
  return (process.env["PATH"] ?? "")
    .split(delimiter)
    .filter((folder) => folder !== "")
    .map((folder) => join(folder, command))
    .find((path) => isExecutable(path));
}

/** The shell line that installs Debian packages. */
export function installLine(packages: readonly string[]): string {
  return `apt-get install --no-install-recommends -y ${packages.join(" ")}`;
}

function packageOf(command: string): string {
  return OUTSIDE_COMMANDS.find((entry) => entry.command === command)?.package ?? command;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
