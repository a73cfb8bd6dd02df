import type { Api } from "../server/define-api.ts";

/** As much of a Hono context as is used here. */
export interface HonoContext {
  readonly req: { readonly raw: Request; readonly method: string; readonly path: string };
  readonly env: unknown;
}

/**
 * Serves an API in a Hono application: `app.use(hotpath(api))`. Requests for paths that the API does not serve go on to what follows.
 *
 * @param addressOf tells the client's address, by which limits count. Default: the connection's, where Hono runs on Node.
 */
export function hotpath(
  api: Api,
  addressOf: (context: HonoContext) => string | undefined = addressOnNode,
): (context: HonoContext, next: () => Promise<void>) => Promise<Response | void> {
  return async (context, next) => {
    const { raw, method } = context.req;
    // The path as it came: Hono's own is decoded.
    if (await api.answers(method, new URL(raw.url).pathname)) {
      return api.fetch(raw, { remoteAddress: addressOf(context) });
    }
    return next();
  };
}

/** `@hono/node-server` puts the message into the environment. */
function addressOnNode({ env }: HonoContext): string | undefined {
  const { incoming } = (env ?? {}) as { readonly incoming?: { readonly socket?: { readonly remoteAddress?: string } } };
  return incoming?.socket?.remoteAddress;
}
