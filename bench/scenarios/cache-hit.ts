import { fileURLToPath } from "node:url";
import { findCommand } from "../../test/support/commands.ts";
import { runContest } from "../contest.ts";
import type { Contestant } from "../contestants.ts";
import { nginx } from "../contestants/nginx.ts";
import type { BenchContext, Scenario, ScenarioResult } from "../context.ts";
import { toResult } from "../score-table.ts";
import { type ServerProgram, startServerProcess } from "../server-process.ts";
import { HOTPATH } from "../setup.ts";

/** Different replies that are asked for: all of them are in every cache after the warm-up. */
const REPLIES = 100;

/** A reply that the cache holds, 1 KB. */
export const cacheHit: Scenario = {
  name: "cache-hit",
  summary: "One of 100 cached replies of 1 KB, one core.",
  run: (context) => contest(context, 105),
};

/** The same with 50 KB, where copying counts. */
export const cacheHitLarge: Scenario = {
  name: "cache-hit-50k",
  summary: "One of 100 cached replies of 50 KB, one core.",
  run: (context) => contest(context, 5680),
};

async function contest(context: BenchContext, words: number): Promise<ScenarioResult> {
  const command = findCommand("nginx");
  if (command === undefined) throw new Error("This needs nginx: apt-get install nginx-light");
  const origin = await startServerProcess(jsonOrigin(words), "/users/1", undefined, context.signal);
  try {
    const url = `http://127.0.0.1:${origin.port}`;
    const varnish = findCommand("varnishd");
    if (varnish === undefined) context.say("without Varnish: apt-get install varnish");
    const programs: readonly (readonly [string, Contestant["role"], ServerProgram])[] = [
      ["hotpath", "hotpath", hotpathCache(url, [])],
      ["hotpath without memo", "hotpath", hotpathCache(url, ["--cache-memo-bytes", "0"])],
      ["nginx proxy_cache", "rival", await nginx(`nginx cache ${words}`, proxyCache(url), context, command)],
      ...(varnish === undefined ? [] : ([["Varnish", "rival", varnishCache(varnish, url, context)]] as const)),
      ["Fastify, reply in memory", "rival", inMemory(url)],
    ];
    return toResult(
      await runContest(
        programs.map(([name, role, program]): Contestant => ({
          name,
          role,
          program,
          path: (id) => `/users/${1 + (id % REPLIES)}`,
        })),
        context,
      ),
    );
  } finally {
    await origin.stop();
  }
}

function hotpathCache(origin: string, flags: readonly string[]): ServerProgram {
  return {
    key: `hotpath cache ${flags.join(" ")}`,
    words: (port) => [HOTPATH, "serve", origin, "--port", String(port), "--admin-port", "0", ...flags],
    environment: {},
  };
}

function inMemory(origin: string): ServerProgram {
  const file = fileURLToPath(new URL("../contestants/fastify-cached.mjs", import.meta.url));
  return { key: "fastify cached", words: () => [file], environment: { ORIGIN: origin } };
}

/** Varnish with its defaults and memory for everything; its threads share the one core. */
function varnishCache(command: string, origin: string, { folder }: BenchContext): ServerProgram {
  const { host } = new URL(origin);
  return {
    key: "varnish",
    command,
    words: (port) => ["-F", "-a", `127.0.0.1:${port}`, "-b", host, "-s", "malloc,256m", "-n", `${folder}/varnish`],
    environment: {},
  };
}

function jsonOrigin(words: number): ServerProgram {
  const file = fileURLToPath(new URL("../contestants/json-origin.mjs", import.meta.url));
  return { key: "origin", words: () => [file], environment: { WORDS: String(words) } };
}

/** As nginx's own guide writes it, and what is cached is found in memory after its first use (the page cache). */
function proxyCache(origin: string): string {
  const { host } = new URL(origin);
  return `proxy_cache_path cache levels=1:2 keys_zone=replies:10m max_size=256m inactive=60m use_temp_path=off;
  open_file_cache max=1000 inactive=60s;
  sendfile on; tcp_nopush on;
  upstream origin { server ${host}; keepalive 128; }
  server {
    listen 127.0.0.1:@PORT@ backlog=4096;
    location / {
      proxy_pass http://origin; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_cache replies;
    }
  }`;
}
