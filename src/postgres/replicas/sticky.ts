import { createHash } from "node:crypto";
import type { SourceRequest } from "../../api/source.ts";
import type { Position } from "./position.ts";

/** Remembers for a while how far a client must be able to see that wrote, for those that do not send tokens back. */
export interface StickyWindow {
  wrote(request: Pick<SourceRequest, "headers" | "remoteAddress">, position: Position): void;
  /** What the client wrote within the window, undefined for nothing. */
  find(request: Pick<SourceRequest, "headers" | "remoteAddress">): Position | undefined;
}

/** Some 100 bytes each; beyond it who wrote longest ago is forgotten. */
const MAX_CLIENTS = 10_000;

/** @param windowMs how long a write is remembered, on this node */
export function createStickyWindow(windowMs: number): StickyWindow {
  const clients = new Map<string, { readonly position: Position; readonly until: number }>();
  return {
    wrote(request, position) {
      const client = clientOf(request);
      clients.delete(client);
      clients.set(client, { position, until: performance.now() + windowMs });
      if (clients.size > MAX_CLIENTS) clients.delete(clients.keys().next().value as string);
    },
    find(request) {
      if (clients.size === 0) return undefined;
      const client = clientOf(request);
      const found = clients.get(client);
      if (found === undefined || found.until > performance.now()) return found?.position;
      clients.delete(client);
      return undefined;
    },
  };
}

/** By credentials, else by address. A hash: credentials may be long, and need not be kept. */
function clientOf({ headers, remoteAddress }: Pick<SourceRequest, "headers" | "remoteAddress">): string {
  const { authorization } = headers;
  if (authorization === undefined) return remoteAddress;
  return createHash("sha256").update(authorization).digest("base64url");
}
