import { createHash } from "node:crypto";
import type { SourceRequest } from "../../api/source-request.ts";
import type { Position } from "./position.ts";

/** Remembers for a while how far a client must be able to see that wrote, for those that do not send tokens back. */
export interface StickyWindow {
  wrote(request: Client, position: Position): void;
  /** What the client wrote within the window, undefined for nothing. */
  find(request: Client): Position | undefined;
}

type Client = Pick<SourceRequest, "headers" | "remoteAddress" | "identity">;

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

/**
 * By who they showed to be, else by credentials that nobody verifies, else by address. `sub` and not the whole token: that is renewed every few
 * minutes. A hash: what is sent may be long, and need not be kept.
 */
function clientOf({ identity, headers, remoteAddress }: Client): string {
  const shown = identity?.subject ?? (identity?.key || headers.authorization);
  if (shown === undefined) return remoteAddress;
  return createHash("sha256").update(shown).digest("base64url");
}
