import type { IncomingMessage, ServerResponse } from "node:http";
import type { Api } from "../server/define-api.ts";

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
