import type { IncomingMessage, ServerResponse } from "node:http";
import type { Api } from "../server/define-api.ts";

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
