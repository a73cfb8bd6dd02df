import { HotpathError } from "../errors.ts";
import { createNetworks } from "../http/address.ts";
import type { HttpReply, HttpRequest } from "../http/message.ts";
import { toProblemReply } from "../http/problem.ts";
import { type Purger, toPurgeReply } from "./admin-purge.ts";

/** Answers a request whose method is `PURGE`; `undefined` for every other. */
export type PurgeMethod = (request: HttpRequest) => HttpReply | Promise<HttpReply> | undefined;

/**
 * The method by which applications tell Varnish, Squid and nginx that what a URL answers has changed: `PURGE /products/1` removes
 * its stored replies. Only from these addresses; without any it is a method like every other, and its source's business.
 *
 * @param addresses of the connection's other end, and networks (CIDR).
 */
export function createPurgeMethod(purger: Purger | undefined, addresses: readonly string[]): PurgeMethod {
  if (addresses.length === 0 || purger === undefined) return () => undefined;
  const isAllowed = createNetworks(addresses);
  return (request) => {
    if (request.method !== "PURGE") return undefined;
    // A web page could have a browser of that network send it.
    if (!isAllowed(request.remoteAddress) || request.headers.origin !== undefined) {
      const headers = { allow: "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS" };
      return toProblemReply(new HotpathError("HP_METHOD_NOT_ALLOWED", "PURGE is not for this client.", { headers }));
    }
    return purger.purgeUrl(`${request.scheme}://${request.authority}${request.target}`).then(toPurgeReply);
  };
}
