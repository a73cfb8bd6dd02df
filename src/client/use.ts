import { judgeUse } from "../http/freshness.ts";
import { invalidatedUrls, isSafeMethod } from "../http/invalidation.ts";
import { readHeaders } from "./reply.ts";
import type { ClientRequest } from "./request.ts";
import type { StoredResponse } from "./store.ts";

/** What a stored response is good for: an answer as it is, fresh or stale; one to be refreshed behind; or only to be validated. */
export type StoredUse = "hit" | "stale" | "refresh" | "validate";

/** Decides by freshness, the request's directives and its cache mode (Fetch standard, HTTP-network-or-cache fetch). */
export function chooseUse(request: ClientRequest, stored: StoredResponse, nowMs: number): StoredUse {
  const use = judgeUse(stored.freshness, request.control, nowMs);
  switch (request.cache) {
    case "reload":
    case "no-cache":
      return "validate";
    case "force-cache":
    case "only-if-cached":
      return use === "fresh" ? "hit" : "stale";
    default:
      if (use === "fresh") return "hit";
      return use === "refresh-behind" ? "refresh" : "validate";
  }
}

/** The URLs whose stored responses a request may have made invalid. Without a response nobody knows whether it had its effect. */
export function changedUrls({ method, url }: ClientRequest, response: Response | undefined): readonly string[] {
  if (response === undefined) return isSafeMethod(method) ? [] : [url];
  return invalidatedUrls(method, url, response.status, readHeaders(response.headers));
}
