import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { devCertificate } from "../../src/server/listener/index.ts";
import { findCommand } from "../../test/support/commands.ts";
import { type Floor, runContest } from "../contest.ts";
import type { Contestant } from "../contestants.ts";
import { nginx } from "../contestants/nginx.ts";
import type { BenchContext, Scenario, ScenarioResult } from "../context.ts";
import { loadOverHttp2, STREAMS } from "../load/h2load.ts";
import { toResult } from "../score-table.ts";
import { type ServerProgram, startServerProcess } from "../server-process.ts";
import { HOTPATH } from "../setup.ts";

/** Different replies that are asked for: all of them are in every cache after the warm-up. */
const REPLIES = 100;
/** Words in a reply of 1 KB, and of 50 KB. */
const SHORT = 105;
const LONG = 5680;

/** A reply that the cache holds, 1 KB. */
export const cacheHit: Scenario = {
  name: "cache-hit",
  summary: "One of 100 cached replies of 1 KB, one core.",
  needsDatabase: false,
  run: async (context) => contest(context, SHORT),
};

/** The same with 50 KB, where copying counts. */
export const cacheHitLarge: Scenario = {
  name: "cache-hit-50k",
  summary: "One of 100 cached replies of 50 KB, one core.",
  needsDatabase: false,
  run: async (context) => contest(context, LONG),
};

/** The same over HTTP/2 and TLS. */
export const cacheHitHttp2: Scenario = {
  name: "cache-hit-h2",
  summary: `One of 100 cached replies of 1 KB over HTTP/2 and TLS, one core, ${STREAMS} requests at a time on each connection.`,
  needsDatabase: false,
  run: async (context) => contestOverHttp2(context),
};

/** Who takes part, beside what is said in the table's first column. */
type Line = readonly [
  name: string,
  role: Contestant["role"],
  program: ServerProgram,
  more?: Pick<Contestant, "isDistinct">,
];

async function contest(context: BenchContext, words: number): Promise<ScenarioResult> {
  const command = requireNginx();
  return withOrigin(context, words, async (url) => {
    const varnish = findCommand("varnishd");
    if (varnish === undefined) context.say("without Varnish: apt-get install varnish");
    const plain = proxyCache(url, "listen 127.0.0.1:@PORT@ backlog=4096;", AS_INSTALLED);
    const tuned = proxyCache(url, "listen 127.0.0.1:@PORT@ backlog=4096;", TUNED);
    const hotpath = hotpathCache(url, []);
    const lines: readonly Line[] = [
      ["hotpath", "hotpath", hotpath],
      ...(canDiffer(context)
        ? ([["hotpath, no two requests alike", "hotpath", hotpath, { isDistinct: true }]] as const)
        : []),
      ["hotpath without memo", "hotpath", hotpathCache(url, ["--cache-memo-bytes", "0"])],
      ["nginx proxy_cache, tuned", "rival", await nginx(`nginx cache ${words}`, tuned, context, command)],
      ["nginx proxy_cache, as installed", "rival", await nginx(`nginx plain ${words}`, plain, context, command)],
      ...(varnish === undefined ? [] : ([["Varnish", "rival", varnishCache(varnish, url, context)]] as const)),
      ["Fastify, reply in memory", "rival", inMemory(url, {})],
    ];
    return toResult(await runContest(lines.map(toContestant), context));
  });
}

async function contestOverHttp2(context: BenchContext): Promise<ScenarioResult> {
  const command = requireNginx();
  if (findCommand("h2load") === undefined) throw new Error("This needs h2load: apt-get install nghttp2-client");
  const { key, cert } = await devCertificate();
  const files = { TLS_KEY: join(context.folder, "key.pem"), TLS_CERT: join(context.folder, "cert.pem") };
  await Promise.all([writeFile(files.TLS_KEY, key), writeFile(files.TLS_CERT, cert)]);
  const secure = ["--tls-key", files.TLS_KEY, "--tls-cert", files.TLS_CERT];
  return withOrigin(context, SHORT, async (url) => {
    const listen = `listen 127.0.0.1:@PORT@ ssl http2 backlog=4096;
    ssl_certificate ${files.TLS_CERT}; ssl_certificate_key ${files.TLS_KEY};`;
    const cached = await nginx("nginx h2", proxyCache(url, listen, TUNED), context, command);
    const lines: readonly Line[] = [
      ["hotpath", "hotpath", { ...hotpathCache(url, secure), isSecure: true }],
      ["nginx proxy_cache, tuned", "rival", { ...cached, isSecure: true }],
      ["Fastify, reply in memory", "rival", { ...inMemory(url, files), isSecure: true }],
    ];
    const floor: Floor = { name: "node:http2", program: (body) => nodeHttp2(body, files) };
    const result = toResult(await runContest(lines.map(toContestant), { ...context, generate: loadOverHttp2 }, floor));
    return { ...result, notes: [...result.notes, "The load came from h2load."] };
  });
}

function toContestant([name, role, program, more]: Line): Contestant {
  return { name, role, program, path: (id) => `/users/${1 + (id % REPLIES)}`, ...more };
}

/** Whether the load generator can make each request differ. */
function canDiffer({ loadName }: BenchContext): boolean {
  return loadName === "wrk";
}

function requireNginx(): string {
  const command = findCommand("nginx");
  if (command === undefined) throw new Error("This needs nginx: apt-get install nginx-light");
  return command;
}

async function withOrigin(
  context: BenchContext,
  words: number,
  measure: (url: string) => Promise<ScenarioResult>,
): Promise<ScenarioResult> {
  const origin = await startServerProcess(jsonOrigin(words), "/users/1", undefined, context.signal);
  try {
    return await measure(`http://127.0.0.1:${origin.port}`);
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

function inMemory(origin: string, environment: Readonly<Record<string, string>>): ServerProgram {
  const words = [contestantFile("fastify-cached")];
  return { key: "fastify cached", words: () => words, environment: { ORIGIN: origin, ...environment } };
}

function nodeHttp2(bodyFile: string, environment: Readonly<Record<string, string>>): ServerProgram {
  const words = [contestantFile("node-http2")];
  const all = { FLOOR_BODY: bodyFile, ...environment };
  return { key: "node:http2", words: () => words, environment: all, isSecure: true };
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
  return { key: "origin", words: () => [contestantFile("json-origin")], environment: { WORDS: String(words) } };
}

function contestantFile(name: string): string {
  return fileURLToPath(new URL(`../contestants/${name}.mjs`, import.meta.url));
}

/** What Debian's nginx.conf sets. Its log of every request is off in both, as hotpath writes none either. */
const AS_INSTALLED = "sendfile on; tcp_nopush on;";
/** With what a careful operator adds: files stay open, so that a hit opens none. What is cached is in memory (the page cache). */
const TUNED = `${AS_INSTALLED} open_file_cache max=1000 inactive=60s;`;

/** As nginx's own guide writes it. */
function proxyCache(origin: string, listen: string, settings: string): string {
  const { host } = new URL(origin);
  return `proxy_cache_path cache levels=1:2 keys_zone=replies:10m max_size=256m inactive=60m use_temp_path=off;
  ${settings}
  upstream origin { server ${host}; keepalive 128; }
  server {
    ${listen}
    location / {
      proxy_pass http://origin; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_cache replies;
    }
  }`;
}
