import type { IncomingMessage, ServerResponse } from "node:http";
import { randomUUID } from "node:crypto";
import type { Readable } from "node:stream";
import type { SourceReply } from "../api/source.ts";
import type { SourceRequest } from "../api/source-request.ts";
import { hasContent } from "../http/content.ts";
import { withoutHopByHop } from "../http/hop-by-hop.ts";
import type { ReplyHeaders } from "../http/message.ts";
import type { Api } from "../server/define-api.ts";
import { type AroundOptions, defineAround, innerHeaders, wholeOrStream } from "./application-source.ts";

export type { AroundOptions } from "./application-source.ts";

/** As much of a Fastify instance as is used here. */
export interface FastifyApplication {
  removeAllContentTypeParsers(): unknown;
  addContentTypeParser(
    type: string,
    options: object,
    parse: (request: never, content: never, done: Done) => void,
  ): unknown;
  addHook(name: "onClose", hook: () => Promise<void>): unknown;
  all(path: string, handler: (request: FastifyRequest, reply: FastifyReply) => unknown): unknown;
}

type Done = (error: null) => void;

interface FastifyRequest {
  readonly raw: IncomingMessage;
}

interface FastifyReply {
  readonly raw: ServerResponse;
  hijack(): unknown;
}

/** Where an API answers in a Fastify application. */
export interface FastifyOptions {
  /** Paths that are the API's where the application has no route that is closer. Default: all. */
  readonly paths?: readonly string[] | undefined;
}

/**
 * Serves an API in a Fastify application: `app.register(hotpath(api))`. The application's own routes come first. The API starts with the
 * application, whose start fails if it cannot, and ends with it.
 */
export function hotpath(api: Api): (app: FastifyApplication, options?: FastifyOptions) => Promise<void> {
  return async (app, { paths = ["/", "/*"] } = {}) => {
    await api.start();
    app.addHook("onClose", async () => api.close());
    // Content is the API's to read. In this plugin alone.
    app.removeAllContentTypeParsers();
    app.addContentTypeParser("*", {}, (_request, _content, done) => done(null));
    for (const path of paths) {
      app.all(path, (request, reply) => {
        reply.hijack();
        api.handler(request.raw, reply.raw);
      });
    }
  };
}

/** As much of a Fastify instance as `around` uses. */
export interface FastifySurroundings {
  addHook(name: "onClose", hook: () => Promise<void>): unknown;
  addHook(name: "onReady", hook: () => Promise<void>): unknown;
  addHook(name: "onRequest", hook: (request: FastifyRequest, reply: FastifyReply, done: () => void) => void): unknown;
  inject(options: object): Promise<InjectedReply>;
}

interface InjectedReply {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, number | string | string[] | undefined>>;
  stream(): Readable;
  readonly raw: { readonly res: ServerResponse };
}

/**
 * Puts the pipeline around an application's own handlers: `around(app, { … })`, before its routes. What they answer is cached as its
 * `Cache-Control` says, gets a validator, is compressed, and counted under limits. The application is asked by requests of its own, which pass
 * here: also for a stored reply that is refreshed when nobody waits for it. Given an instance of `app.register`, it is for the routes of
 * that alone.
 */
export function around(app: FastifySurroundings, options: AroundOptions): Api {
  // Nobody outside can say so.
  const secret = randomUUID();
  const api = defineAround(options, async (request) => {
    const headers = { ...innerHeaders(request), [INNER]: secret };
    const { method, target: url, signal, remoteAddress } = request;
    const payload = hasContent(request) ? { payload: request.body } : {};
    const asked = { method, url, headers, signal, remoteAddress, payloadAsStream: true, ...payload };
    return toReply(request, await app.inject(asked));
  });
  app.addHook("onReady", async () => api.start());
  app.addHook("onClose", async () => api.close());
  app.addHook("onRequest", ({ raw }, reply, done) => {
    if (raw.headers[INNER] === secret) {
      delete raw.headers[INNER];
      done();
      return;
    }
    reply.hijack();
    api.handler(raw, reply.raw);
  });
  return api;
}

const INNER = "x-hotpath-inner";

async function toReply({ method }: SourceRequest, injected: InjectedReply): Promise<SourceReply> {
  const { date: _date, ...fields } = withoutHopByHop(injected.headers);
  const headers: ReplyHeaders = {};
  for (const [name, value] of Object.entries(fields)) headers[name] = typeof value === "number" ? String(value) : value;
  const status = injected.statusCode;
  if (method === "HEAD" || status === 204 || status === 304) {
    injected.stream().resume();
    return { status, headers, body: undefined };
  }
  const body = injected.stream();
  // Whoever reads it leaves: the handler's own stream hears of it as if a connection had closed.
  body.once("close", () => body.readableEnded || injected.raw.res.emit("close"));
  return { status, headers, body: await wholeOrStream(body) };
}
