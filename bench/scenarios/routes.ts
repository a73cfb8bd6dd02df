import { fileURLToPath } from "node:url";
import { runContest } from "../contest.ts";
import type { Contestant } from "../contestants.ts";
import type { Scenario } from "../context.ts";
import { toResult } from "../score-table.ts";
import type { ServerProgram } from "../server-process.ts";
import { HOTPATH } from "../setup.ts";

/** A handler in TypeScript that answers an object: what the server around it costs. */
export const routes: Scenario = {
  name: "routes",
  summary: "A GET with parameters and query read by a schema, answered with JSON of 200 bytes, one core.",
  needsDatabase: false,
  async run(context) {
    const contestants = [
      own("reply checked", "users"),
      own("reply not checked", "unchecked"),
      own("cached", "cached"),
      rival("Fastify", "fastify-routes"),
      rival("Hono on Node, reply checked", "hono-routes"),
      rival("node:http by hand", "node-http-routes"),
    ];
    return toResult(await runContest(contestants, context));
  },
};

function own(name: string, base: string): Contestant {
  return { name: `hotpath, ${name}`, role: "hotpath", program: HOTPATH_ROUTES, path: pathBelow(base) };
}

function rival(name: string, file: string): Contestant {
  return { name, role: "rival", program: byHand(file), path: pathBelow("users") };
}

/** So few that all of them are in the cache, where one is used. */
function pathBelow(base: string): Contestant["path"] {
  return (id) => `/${base}/${1 + (id % 100)}?verbose=true`;
}

const HOTPATH_ROUTES: ServerProgram = {
  key: "hotpath routes",
  words: (port) => [
    HOTPATH,
    "serve",
    "--config",
    contestantFile("hotpath-routes.config"),
    "--port",
    String(port),
    "--admin-port",
    "0",
  ],
  environment: {},
};

function byHand(name: string): ServerProgram {
  return { key: name, words: () => [contestantFile(name)], environment: {} };
}

function contestantFile(name: string): string {
  return fileURLToPath(new URL(`../contestants/${name}.mjs`, import.meta.url));
}
