import { Readable } from "node:stream";
import type { SourceReply } from "../api/source.ts";
import type { SourceRequest } from "../api/source-request.ts";
import { hasContent } from "../http/content.ts";
import { withoutHopByHop } from "../http/hop-by-hop.ts";
import type { ReplyHeaders } from "../http/message.ts";
import type { Api } from "../server/define-api.ts";
import { type AroundOptions, defineAround, innerHeaders, wholeOrStream } from "./application-source.ts";

export type { AroundOptions } from "./application-source.ts";

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

/** As much of a Hono application as is used here. */
export interface HonoApplication {
  fetch(request: Request, env?: unknown): Response | Promise<Response>;
}

/**
 * Puts the pipeline around an application's own handlers: `app.use(around(app, { … }))`, before everything else. What they answer is cached
 * as its `Cache-Control` says, gets a validator, is compressed, and counted under limits. The application is asked by requests of its own, which
 * pass here: also for a stored reply that is refreshed when nobody waits for it.
 *
 * @param addressOf as for `hotpath`
 */
export function around(
  app: HonoApplication,
  options: AroundOptions,
  addressOf: (context: HonoContext) => string | undefined = addressOnNode,
): ((context: HonoContext, next: () => Promise<void>) => Promise<Response | void>) & { readonly api: Api } {
  const inner = new WeakSet<Request>();
  /** The same for all requests of an application: what its platform lends it. */
  let lent: unknown;
  const api = defineAround(options, async (request) => {
    const asked = toRequest(request);
    inner.add(asked);
    return toReply(await app.fetch(asked, lent));
  });
  const middleware = async (context: HonoContext, next: () => Promise<void>): Promise<Response | void> => {
    const { raw } = context.req;
    if (inner.has(raw)) return next();
    lent = context.env;
    return api.fetch(raw, { remoteAddress: addressOf(context) });
  };
  return Object.assign(middleware, { api });
}

function toRequest(request: SourceRequest): Request {
  const { method, scheme, authority, target, signal } = request;
  const headers = new Headers();
  for (const [name, value] of Object.entries(innerHeaders(request))) {
    for (const each of typeof value === "string" ? [value] : value) headers.append(name, each);
  }
  const body = hasContent(request) ? { body: Readable.toWeb(request.body), duplex: "half" } : {};
  return new Request(`${scheme}://${authority}${target}`, { method, headers, signal, ...body } as RequestInit);
}

async function toReply(response: Response): Promise<SourceReply> {
  const headers: ReplyHeaders = withoutHopByHop(Object.fromEntries(response.headers));
  const cookies = response.headers.getSetCookie();
  if (cookies.length > 0) headers["set-cookie"] = cookies;
  const { status, body } = response;
  if (body === null) return { status, headers, body: undefined };
  return { status, headers, body: await wholeOrStream(Readable.fromWeb(body)) };
}

/** `@hono/node-server` puts the message into the environment. */
function addressOnNode({ env }: HonoContext): string | undefined {
  const { incoming } = (env ?? {}) as { readonly incoming?: { readonly socket?: { readonly remoteAddress?: string } } };
  return incoming?.socket?.remoteAddress;
}
