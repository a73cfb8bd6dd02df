import type { IncomingMessage, ServerResponse } from "node:http";
import type { Api } from "../server/define-api.ts";
import { type AroundOptions, defineAround } from "./application-source.ts";
import { exchange, type NodeHandler } from "./inner-exchange.ts";

export type { AroundOptions } from "./application-source.ts";

/** What Express, and whatever calls middleware alike, hands on. */
export type Middleware = (
  request: IncomingMessage & { originalUrl?: string },
  response: ServerResponse,
  next: (error?: unknown) => void,
) => void;

/**
 * Serves an API in an Express application: `app.use(hotpath(api))`. Requests for paths that the API does not serve go on to what follows.
 * It must stand before body parsers, which would leave it nothing to read. Paths are those of the application, wherever it is mounted.
 */
export function hotpath(api: Api): Middleware {
  return (request, response, next) => {
    const { url } = request;
    // Express takes off what it is mounted at, but links in replies need the whole.
    const target = request.originalUrl ?? url ?? "/";
    const [path = "/"] = target.split("?", 1);
    void (async () => {
      try {
        if (!(await api.answers(request.method ?? "GET", path))) return next();
      } catch (error) {
        return next(error);
      }
      request.url = target;
      api.handler(request, response);
    })();
  };
}

/**
 * Puts the pipeline around an application's own handlers: `app.use(around(app, { … }))`, before everything else. What they answer is cached
 * as its `Cache-Control` says, gets a validator, is compressed, and counted under limits. The application is asked by requests of its own, which
 * pass here: also for a stored reply that is refreshed when nobody waits for it.
 */
export function around(app: NodeHandler, options: AroundOptions): Middleware & { readonly api: Api } {
  const inner = new WeakSet<IncomingMessage>();
  const api = defineAround(options, async (request) => exchange(app, request, (message) => inner.add(message)));
  const middleware: Middleware = (request, response, next) => {
    if (inner.has(request)) return next();
    request.url = request.originalUrl ?? request.url ?? "/";
    api.handler(request, response);
  };
  return Object.assign(middleware, { api });
}
