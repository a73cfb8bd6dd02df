import { fileURLToPath } from "node:url";
import type { ServerProgram } from "./server-process.ts";
import { HOTPATH } from "./setup.ts";

/** What takes part in a scenario: a server and how it is asked. */
export interface Contestant {
  readonly name: string;
  readonly role: "hotpath" | "rival" | "floor";
  readonly program: ServerProgram;
  /** The request target that reads what belongs to a user's (or album's) id. */
  readonly path: (id: number) => string;
  /** Takes the value that all contestants must agree on out of a reply's JSON. Default: all of it. */
  readonly unwrap?: (json: unknown) => unknown;
}

/** hotpath as a user runs it: the built program, no flags but the ports. */
export function hotpath(databaseUrl: string): ServerProgram {
  return {
    key: "hotpath",
    words: (port) => [HOTPATH, "serve", "--port", String(port), "--admin-port", "0"],
    environment: { HOTPATH_DATABASE_URL: databaseUrl },
  };
}

/**
 * Connections of each rival: what measured best among 2, 4, 8, 10, 16 and 32 on two cores with 64 clients (see README.md).
 */
const POOL = { "fastify-pg": 10, "fastify-pg-pipeline": 4, "fastify-postgres": 10 } as const;

/** A hand-written server of this folder. */
export function handWritten(name: keyof typeof POOL, databaseUrl: string): ServerProgram {
  return {
    key: name,
    words: () => [contestantFile(name)],
    environment: { DATABASE_URL: databaseUrl, POOL_MAX: process.env["BENCH_POOL_MAX"] ?? String(POOL[name]) },
  };
}

/** `node:http` answering the bytes of a file. */
export function floor(bodyFile: string): ServerProgram {
  return { key: "node:http", words: () => [contestantFile("node-http")], environment: { FLOOR_BODY: bodyFile } };
}

/** The hand-written rivals on one route, each as rows and as JSON text where both are given. */
export function rivals(databaseUrl: string, paths: RivalPaths): Contestant[] {
  const made = (name: keyof typeof POOL, title: string): Contestant[] =>
    Object.entries(paths).map(([form, path]) => ({
      name: `${title}, ${FORMS[form as keyof RivalPaths]}`,
      role: "rival",
      program: handWritten(name, databaseUrl),
      path,
    }));
  return [
    ...made("fastify-pg", "Fastify + pg"),
    ...made("fastify-postgres", "Fastify + postgres"),
    ...made("fastify-pg-pipeline", "Fastify + pg pipelined"),
  ];
}

export interface RivalPaths {
  readonly rows?: (id: number) => string;
  readonly text?: (id: number) => string;
}

const FORMS = { rows: "rows", text: "JSON text" } as const;

function contestantFile(name: string): string {
  return fileURLToPath(new URL(`contestants/${name}.mjs`, import.meta.url));
}
