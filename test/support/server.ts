import { type Agent, request as httpRequest, type IncomingHttpHeaders } from "node:http";
import type { ServerOptions } from "../../src/api/option-types.ts";
import type { PostgresOptions } from "../../src/api/postgres-option-types.ts";
import type { Source } from "../../src/api/source.ts";
import { type Api, type ApiOptions, defineApi, postgres } from "../../src/server/define-api.ts";
import type { RunningServer } from "../../src/server/start.ts";
import { defer, type TestScope } from "./defer.ts";

/** A reply taken off the wire, nothing decoded but the text. */
export interface Answer {
  readonly status: number;
  readonly statusText: string;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  readonly bytes: Buffer;
}

/** A server that runs in this process, and a client for it that sends paths and headers exactly as given. */
export interface ServedApi {
  readonly server: RunningServer;
  readonly url: string;
  readonly adminUrl: string;
  get(path: string, headers?: Readonly<Record<string, string>>): Promise<Answer>;
  send(
    method: string,
    path: string,
    headers?: Readonly<Record<string, string>>,
    content?: string | Uint8Array,
  ): Promise<Answer>;
  /** The JSON of a reply that must have this status. */
  json(path: string, headers?: Readonly<Record<string, string>>, status?: number): Promise<unknown>;
  /** The text of `/metrics`. */
  metrics(): Promise<string>;
}

/** What `hotpath postgrest` switches off. */
export const POSTGREST_LIKE = {
  rowPaths: false,
  cursors: false,
  updatedAtColumn: null,
  queryCache: { enabled: false },
} as const;

/** Serves a database at `/` until the test has ended. */
export async function serve(
  t: TestScope,
  url: string,
  options: { readonly postgres?: PostgresOptions; readonly server?: ServerOptions; readonly base?: string } = {},
): Promise<ServedApi> {
  return serveSources(t, { [options.base ?? "/"]: postgres(url, options.postgres) }, options.server);
}

/** Serves any sources until the test has ended; without overload control, unless `options` has it. */
export async function serveSources(
  t: TestScope,
  sources: ApiOptions["sources"] | Readonly<Record<string, Source>> | undefined,
  options: Omit<ApiOptions, "sources"> = {},
): Promise<ServedApi> {
  // On a machine that runs many tests at once sources take their time; nobody is to be refused for that who does not ask for it.
  return serveApi(t, defineApi({ overload: { enabled: false }, ...options, sources }));
}

/** Serves an API as it is declared until the test has ended. */
export async function serveApi(t: TestScope, api: Api): Promise<ServedApi> {
  const server = await api.listen({
    server: { port: 0, shutdownGrace: "1s" },
    admin: { port: 0 },
    log: { level: "silent" },
  });
  defer(t, () => server.close());
  const { url, adminUrl = "" } = server;
  const send: ServedApi["send"] = (method, path, headers = {}, content) =>
    sendRequest(url, method, path, headers, content);
  return {
    server,
    url,
    adminUrl,
    send,
    get: (path, headers) => send("GET", path, headers),
    async json(path, headers, status) {
      const answer = await send("GET", path, headers);
      if (status === undefined ? answer.status >= 300 : answer.status !== status) {
        throw new Error(`GET ${path.slice(0, 500)} answered ${answer.status}: ${answer.text.slice(0, 2000)}`);
      }
      return JSON.parse(answer.text);
    },
    async metrics() {
      return (await sendRequest(adminUrl, "GET", "/metrics", {})).text;
    },
  };
}

/** A request that takes longer hangs, which is a failure. */
const TIMEOUT_MS = 30_000;

/** Sends one request, as it is given, and takes its reply. */
export async function sendRequest(
  base: string,
  method: string,
  path: string,
  headers: Readonly<Record<string, string>>,
  content?: string | Uint8Array,
  agent?: Agent,
): Promise<Answer> {
  const { hostname, port } = new URL(base);
  return new Promise((resolve, reject) => {
    const request = httpRequest({ hostname, port, method, path, headers, agent, timeout: TIMEOUT_MS }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.once("error", reject);
      response.once("end", () => {
        const bytes = Buffer.concat(chunks);
        const { statusCode = 0, statusMessage = "" } = response;
        resolve({
          status: statusCode,
          statusText: statusMessage,
          headers: response.headers,
          text: bytes.toString(),
          bytes,
        });
      });
    });
    request.once("timeout", () => request.destroy(new Error(`no answer to ${method} ${path} in ${TIMEOUT_MS} ms`)));
    request.once("error", reject);
    request.end(content);
  });
}
