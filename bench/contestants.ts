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
  /** Header fields to send with it. */
  readonly headers?: (id: number) => Readonly<Record<string, string>>;
  /** Takes the value that all contestants must agree on out of a reply's JSON. Default: all of it. */
  readonly unwrap?: (json: unknown) => unknown;
  /** How a reply's value is had, where it is not JSON that a GET answers. */
  readonly ask?: (port: number, id: number) => Promise<unknown>;
  /** Each request has a field of its own, so that no two are alike. Only with wrk. */
  readonly isDistinct?: boolean;
  /** It writes. Only with wrk. */
  readonly write?: WriteRequest;
}

/** What a writing request has beside its target and fields. */
export interface WriteRequest {
  readonly method: "POST" | "PATCH";
  /** Of a user's id: one line. */
  readonly content: (id: number) => string;
  /** How many ids are written with; content of many rows takes memory in the load generator. */
  readonly variety: number;
  /** One request of so many writes; the others read, and agree on what they read. Default: all write. */
  readonly every?: number;
  /** Where to write, of a user's id. Default: where is read. */
  readonly path?: (id: number) => string;
  /** A target to GET until the server is up. */
  readonly ready: string;
}

/** hotpath as a user runs it, but for the query cache: the built program, where every request is a read of the database. */
export function hotpath(databaseUrl: string, flags: readonly string[] = ["--no-query-cache"]): ServerProgram {
  return {
    key: `hotpath ${flags.join(" ")}`,
    words: (port) => [HOTPATH, "serve", "--port", String(port), "--admin-port", "0", ...flags],
    environment: { HOTPATH_DATABASE_URL: databaseUrl },
  };
}

/** The hand-written servers of this folder. */
export type HandWritten = "fastify-pg" | "fastify-postgres" | "fastify-pg-pipeline";

/** What tables call them. */
export const TITLES: Readonly<Record<HandWritten, string>> = {
  "fastify-pg": "Fastify + pg",
  "fastify-postgres": "Fastify + postgres",
  "fastify-pg-pipeline": "Fastify + pg pipelined",
};

/**
 * Connections of the rivals: what `npm run bench -- rival-pools` finds best, and the default of `postgres`. Its best is
 * a single one, which an application with slow statements among quick ones could not use.
 */
const LINE_UP: readonly (readonly [HandWritten, number])[] = [
  ["fastify-pg", 32],
  ["fastify-postgres", 10],
  ["fastify-postgres", 1],
  ["fastify-pg-pipeline", 2],
];

/** A hand-written server over a number of connections. */
export function handWritten(name: HandWritten, databaseUrl: string, connections: number): ServerProgram {
  return {
    key: `${name} over ${connections}`,
    words: () => [contestantFile(name)],
    environment: { DATABASE_URL: databaseUrl, POOL_MAX: String(connections) },
  };
}

/** `node:http` answering the bytes of a file. */
export function nodeHttp(bodyFile: string): ServerProgram {
  return { key: "node:http", words: () => [contestantFile("node-http")], environment: { FLOOR_BODY: bodyFile } };
}

/** The hand-written rivals on one route, each as rows and as JSON text where both are given. */
export function rivals(databaseUrl: string, paths: RivalPaths): Contestant[] {
  return LINE_UP.flatMap(([name, connections]) =>
    Object.entries(paths).map(([form, path]): Contestant => ({
      name: `${TITLES[name]} (${connections}), ${FORMS[form as keyof RivalPaths]}`,
      role: "rival",
      program: handWritten(name, databaseUrl, connections),
      path,
    })),
  );
}

export interface RivalPaths {
  readonly rows?: (id: number) => string;
  readonly text?: (id: number) => string;
}

const FORMS = { rows: "rows", text: "JSON text" } as const;

/** A program of the folder of contestants. */
export function contestantFile(name: string): string {
  return fileURLToPath(new URL(`contestants/${name}.mjs`, import.meta.url));
}
