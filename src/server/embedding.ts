import type { IncomingMessage, ServerResponse } from "node:http";
import type { Embedded } from "./embedded.ts";
import type { Connection } from "./web-request.ts";

/** An API that other servers hand requests to: started when it is first needed, and only once. */
export interface Embedding {
  start(): Promise<void>;
  readonly handler: (request: IncomingMessage, response: ServerResponse) => void;
  readonly fetch: (request: Request, connection?: Connection) => Promise<Response>;
  answers(method: string, path: string): Promise<boolean>;
  metrics(): Promise<string>;
  close(): Promise<void>;
}

/** @param open starts it; called again after it failed, and after it was closed */
export function createEmbedding(open: () => Promise<Embedded>): Embedding {
  let opening: Promise<Embedded> | undefined;
  /** Once it is there, requests do not wait. */
  let opened: Embedded | undefined;

  const ready = async (): Promise<Embedded> => {
    opening ??= open();
    const mine = opening;
    try {
      opened = await mine;
      return opened;
    } catch (error) {
      if (opening === mine) opening = undefined;
      throw error;
    }
  };

  return {
    async start() {
      await ready();
    },
    // Bound to nothing, so that it can be handed on as it is.
    handler(request, response) {
      if (opened !== undefined) {
        opened.handle(request, response);
        return;
      }
      void ready().then(
        (embedded) => embedded.handle(request, response),
        () => refuse(response),
      );
    },
    async fetch(request, connection) {
      return (opened ?? (await ready())).fetch(request, connection);
    },
    async answers(method, path) {
      return (opened ?? (await ready())).answers(method, path);
    },
    async metrics() {
      return (opened ?? (await ready())).metrics();
    },
    async close() {
      const closing = opening;
      opening = undefined;
      opened = undefined;
      // One that never started has nothing to end.
      const embedded = await closing?.catch(() => undefined);
      await embedded?.close();
    },
  };
}

/** Why it did not start, `start` says; clients are not told. */
function refuse(response: ServerResponse): void {
  response.writeHead(503, { "content-type": "application/problem+json", "retry-after": "5" });
  response.end(
    JSON.stringify({ type: "about:blank", title: "Service Unavailable", status: 503, code: "HP_UNAVAILABLE" }),
  );
}
