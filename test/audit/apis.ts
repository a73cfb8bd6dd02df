import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { devCertificate } from "../../src/server/listener/dev-certificate.ts";
import { defer, type TestScope } from "../support/defer.ts";

/** Rows of which four fields in five never differ. */
export const ROWS = Array.from({ length: 300 }, (_, i) => ({
  id: i,
  name: `name ${i}`,
  kind: "thing",
  tenant: "0b8d4f7e-6e7c-4c0a-9f7e-0c1f7a2f4f11",
  at: "2026-01-01T00:00:00Z",
}));

/** Listens until the test has ended; answers the URL. */
export async function listen(t: TestScope, handle: RequestListener, isTls = false): Promise<string> {
  const server: Server = isTls ? createTlsServer(await devCertificate(), handle) : createServer(handle);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  defer(t, () => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return `${isTls ? "https" : "http"}://127.0.0.1:${port}`;
}

/** As PostgREST answers (version 12 and later, by its documentation): pages by limit and offset, no validators, no coding. */
export const postgrestLike: RequestListener = (request, response) => {
  const url = new URL(request.url ?? "/", "http://api.example");
  const offset = Number(url.searchParams.get("offset") ?? 0);
  const names = url.searchParams.get("select")?.split(",");
  const rows = ROWS.slice(offset, offset + Number(url.searchParams.get("limit") ?? ROWS.length)).map((row) =>
    names === undefined ? row : Object.fromEntries(Object.entries(row).filter(([name]) => names.includes(name))),
  );
  response.setHeader("content-type", "application/json; charset=utf-8");
  response.setHeader("content-range", `${offset}-${offset + rows.length - 1}/*`);
  response.setHeader("content-location", url.pathname + url.search);
  response.setHeader("server", "postgrest/14.1");
  response.end(JSON.stringify(rows));
};

/** Its description, in part. */
export const POSTGREST_DOCUMENT = {
  swagger: "2.0",
  basePath: "/",
  paths: {
    "/things": {
      get: {
        parameters: [{ $ref: "#/parameters/select" }, { $ref: "#/parameters/limit" }, { $ref: "#/parameters/offset" }],
      },
    },
    "/things/{id}": { get: { parameters: [{ name: "id", in: "path", required: true }] } },
  },
  parameters: {
    select: { name: "select", in: "query", type: "string" },
    limit: { name: "limit", in: "query", type: "string" },
    offset: { name: "offset", in: "query", type: "string" },
  },
};

const TEXT = JSON.stringify({ text: "x".repeat(3000) });

/** A resource for each thing that can be wrong with a single reply. */
export function wrongReplies(): RequestListener {
  let turns = 0;
  return (request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://api.example");
    const tag = request.headers["if-none-match"];
    const offered = request.headers["accept-encoding"] ?? "";
    response.setHeader("content-type", "application/json");
    response.setHeader("cache-control", "no-cache");
    const takesGzip = offered.includes("gzip") && !offered.includes("gzip;q=0");
    const coded = (text: string): void => {
      response.setHeader("content-encoding", "gzip");
      response.end(gzipSync(text));
    };
    switch (pathname) {
      case "/validator-ignored":
        response.setHeader("etag", '"one"');
        return void response.end(TEXT);
      case "/validator-unstable":
        response.setHeader("etag", `"${++turns}"`);
        return void response.end(TEXT);
      case "/validator-lies":
        response.setHeader("etag", '"always"');
        return void response.end(JSON.stringify({ turn: ++turns }));
      case "/validator-lies-coded":
        response.setHeader("etag", '"both"');
        response.setHeader("vary", "accept-encoding");
        if (tag === '"both"') return void response.writeHead(304).end();
        return takesGzip ? coded(TEXT) : void response.end(TEXT);
      case "/validator-lies-304":
        response.setHeader("etag", '"real"');
        return tag === undefined ? void response.end(TEXT) : void response.writeHead(304).end();
      case "/private-for-all":
        response.setHeader("cache-control", "private, max-age=60");
        return void response.end(TEXT);
      case "/vary-missing":
        if (takesGzip) return coded(TEXT);
        return void response.end(TEXT);
      case "/vary-missing-origin":
        response.setHeader("access-control-allow-origin", request.headers.origin ?? "null");
        return void response.end(TEXT);
      case "/vary-star":
        response.setHeader("vary", "*");
        return void response.end(TEXT);
      case "/compression-tiny":
        response.setHeader("vary", "accept-encoding");
        return takesGzip ? coded("{}") : void response.end("{}");
      case "/compression-forced":
        response.setHeader("vary", "accept-encoding");
        return coded(TEXT);
      case "/keep-alive-missing":
        response.setHeader("connection", "close");
        return void response.end(TEXT);
      default:
        return void response.writeHead(404).end();
    }
  };
}

/** Six milliseconds for each row. */
export const rowByRow: RequestListener = (request, response) => {
  const limit = Number(new URL(request.url ?? "/", "http://api.example").searchParams.get("limit") ?? 20);
  setTimeout(() => {
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify(ROWS.slice(0, limit)));
  }, 6 * limit);
};

/** One request after another, each fifty milliseconds. */
export function inTurn(): RequestListener {
  let last: Promise<unknown> = Promise.resolve();
  return (_request, response) => {
    last = last.then(() => delay(50)).then(() => response.setHeader("content-type", "application/json").end(TEXT));
  };
}

/** A cache that has each request fetch for itself while nothing is stored. */
export function stampeding(): RequestListener {
  let freshUntil = 0;
  return (_request, response) => {
    const isHit = performance.now() < freshUntil;
    setTimeout(
      () => {
        if (!isHit) freshUntil = performance.now() + 1000;
        response.setHeader("content-type", "application/json");
        response.setHeader("cache-control", "max-age=1");
        response.setHeader("x-cache", isHit ? "HIT" : "MISS");
        response.end(TEXT);
      },
      isHit ? 0 : 500,
    );
  };
}
