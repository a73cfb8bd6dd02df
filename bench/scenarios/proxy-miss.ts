import { fileURLToPath } from "node:url";
import { findCommand } from "../../test/support/commands.ts";
import { runContest } from "../contest.ts";
import type { Contestant } from "../contestants.ts";
import type { Scenario } from "../context.ts";
import { nginx } from "../contestants/nginx.ts";
import { toResult } from "../score-table.ts";
import { type ServerProgram, startServerProcess } from "../server-process.ts";
import { HOTPATH } from "../setup.ts";

/** A request that no cache answers, on its way through a proxy and back. */
export const proxyMiss: Scenario = {
  name: "proxy-miss",
  summary: "A reply of 1 KB through a proxy that stores nothing.",
  needsDatabase: false,
  async run(context) {
    const command = findCommand("nginx");
    if (command === undefined) throw new Error("This needs nginx: apt-get install nginx-light");
    // Beside the load generator: what is measured has a core of its own.
    const origin = await startServerProcess(
      await nginx("origin", ORIGIN, context, command),
      "/users/1",
      undefined,
      context.signal,
    );
    try {
      const url = `http://127.0.0.1:${origin.port}`;
      const programs: readonly (readonly [string, Contestant["role"], ServerProgram])[] = [
        ["hotpath, cache off", "hotpath", hotpathProxy(url)],
        ["nginx proxy_pass, keep-alive", "rival", await nginx("nginx", proxyPass(url, true), context, command)],
        [
          "nginx proxy_pass, as installed",
          "rival",
          await nginx("nginx plain", proxyPass(url, false), context, command),
        ],
        ["@fastify/http-proxy", "rival", handWritten("fastify-http-proxy", url)],
        ["http-proxy", "rival", handWritten("http-proxy", url)],
      ];
      const contestants = programs.map(([name, role, program]): Contestant => ({
        name,
        role,
        program,
        path: (id) => `/users/${id}`,
      }));
      // In the database's place stands what is asked here.
      const database = { ...context.database, pid: origin.pid };
      const result = toResult(await runContest(contestants, { ...context, database }));
      return { ...result, notes: [...result.notes, "The PostgreSQL column shows the upstream, which is nginx."] };
    } finally {
      await origin.stop();
    }
  },
};

function hotpathProxy(origin: string): ServerProgram {
  return {
    key: "hotpath proxy",
    words: (port) => [HOTPATH, "serve", origin, "--port", String(port), "--no-admin", "--no-cache"],
    environment: {},
  };
}

function handWritten(name: string, origin: string): ServerProgram {
  const file = fileURLToPath(new URL(`../contestants/${name}.mjs`, import.meta.url));
  return { key: name, words: () => [file], environment: { ORIGIN: origin } };
}

/** 1 KB of JSON, told apart by its id. */
const ORIGIN = `server {
    listen 127.0.0.1:@PORT@ backlog=4096;
    location ~ ^/users/([0-9]+)$ {
      default_type application/json;
      return 200 '{"id":$1,"name":"user $1","about":"${"hot path ".repeat(105)}"}';
    }
  }`;

/** As nginx's own guides write it; without keep-alive it opens a connection a request, which is what it does by itself. */
function proxyPass(origin: string, isKeptAlive: boolean): string {
  const { host } = new URL(origin);
  const kept = 'proxy_http_version 1.1; proxy_set_header Connection "";';
  return `upstream origin { server ${host}; ${isKeptAlive ? "keepalive 128; keepalive_requests 1000000000;" : ""} }
  server {
    listen 127.0.0.1:@PORT@ backlog=4096;
    location / {
      proxy_pass http://origin; ${isKeptAlive ? kept : ""}
      proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    }
  }`;
}
