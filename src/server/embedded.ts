import type { IncomingMessage, ServerResponse } from "node:http";
import type { ResolvedApi } from "../api/definition.ts";
import { createLog } from "../observe/log.ts";
import { createRequestMemo, resolveLimits, type ServeContext, serveForeign } from "./listener/index.ts";
import { type Service, startService } from "./service.ts";
import { type Connection, WebRequest } from "./web-request.ts";
import { toWebResponse } from "./web-response.ts";

/** A service that other servers hand requests to. */
export interface Embedded {
  handle(message: IncomingMessage, response: ServerResponse): void;
  fetch(request: Request, connection?: Connection): Promise<Response>;
  answers: Service["answers"];
  metrics(): string;
  close(): Promise<void>;
}

/** Starts all that stands behind the listeners, without these. */
export async function openEmbedded(api: ResolvedApi): Promise<Embedded> {
  const { server: settings } = api;
  const log = createLog({ level: settings.log.level });
  const service = await startService(api, log);
  const context: ServeContext = {
    handle: service.handle,
    limits: resolveLimits(settings.http),
    bodyLimit: service.maxBodyBytes,
    log,
    isClosing: () => false,
    // Heads and connections are the other server's.
    memo: createRequestMemo({ maxBytes: 0 }),
  };
  return {
    handle: (message, response) => serveForeign(message, response, context),
    async fetch(request, connection) {
      const asked = new WebRequest(request, connection, service.maxBodyBytes);
      return toWebResponse(asked, await service.handle(asked), log);
    },
    answers: service.answers,
    metrics: () => service.metrics.render(),
    close: async () => service.retire(),
  };
}
