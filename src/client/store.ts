import type { Freshness } from "../http/freshness.ts";
import type { ReplyHeaders } from "../http/message.ts";
import type { Selection } from "../http/vary-key.ts";

/** A response kept for use again. Never changed: a revalidation makes another. */
export interface StoredResponse {
  /** Of the request, without fragment. */
  readonly url: string;
  /** Who asked, and how: see `ClientRequest`. */
  readonly scope: string;
  readonly status: number;
  readonly statusText: string;
  readonly headers: Readonly<ReplyHeaders>;
  /** Content codings are undone already: that is how `fetch` gives it. */
  readonly body: Uint8Array<ArrayBuffer>;
  readonly freshness: Freshness;
  readonly vary: Selection;
  /** Whether it came from another origin through a browser, where conditions of our own would need a preflight. */
  readonly isCrossOrigin: boolean;
}

/** Stored responses, bounded in bytes; the URL used longest ago goes first. */
export interface PrivateStore {
  /** What is stored for a URL, newest first. */
  get(url: string): readonly StoredResponse[];
  /** Marks a URL as used. */
  touch(url: string): void;
  /** Adds a response in place of one with the same scope and selecting fields. Too large a one is left out. */
  put(response: StoredResponse): void;
  remove(response: StoredResponse): void;
  /** Removes what is stored for the URLs that the predicate names, and tells how many there were. */
  purge(isChosen: (url: string) => boolean): number;
  /** URLs with something stored. */
  readonly size: number;
  readonly bytes: number;
}

/** Builds an empty store. */
export function createStore(maxBytes: number): PrivateStore {
  const byUrl = new Map<string, readonly StoredResponse[]>();
  let bytes = 0;
  /** The URL becomes the one used last. */
  const set = (url: string, responses: readonly StoredResponse[]): void => {
    for (const old of byUrl.get(url) ?? []) bytes -= costOf(old);
    byUrl.delete(url);
    if (responses.length === 0) return;
    for (const response of responses) bytes += costOf(response);
    byUrl.set(url, responses);
  };
  return {
    get: (url) => byUrl.get(url) ?? [],
    touch(url) {
      const responses = byUrl.get(url);
      if (responses !== undefined && byUrl.delete(url)) byUrl.set(url, responses);
    },
    put(response) {
      const others = (byUrl.get(response.url) ?? []).filter((other) => !isSameVariant(other, response));
      const isKept = costOf(response) <= maxBytes;
      set(response.url, isKept ? [response, ...others.slice(0, MAX_VARIANTS - 1)] : others);
      for (const [url] of byUrl) {
        if (bytes <= maxBytes) return;
        set(url, []);
      }
    },
    remove(response) {
      const kept = (byUrl.get(response.url) ?? []).filter((other) => other !== response);
      set(response.url, kept);
    },
    purge(isChosen) {
      const chosen = [...byUrl.keys()].filter(isChosen);
      for (const url of chosen) set(url, []);
      return chosen.length;
    },
    get size() {
      return byUrl.size;
    },
    get bytes() {
      return bytes;
    },
  };
}

/** Responses a URL: for more, the one stored first goes. */
const MAX_VARIANTS = 16;

/** What a response takes besides its body and its texts, roughly. */
const OVERHEAD_BYTES = 1024;

function costOf({ body, headers, url, scope, vary }: StoredResponse): number {
  let characters = url.length + scope.length;
  for (const name in headers) characters += name.length + String(headers[name]).length;
  for (const [name, value] of vary) characters += name.length + (value?.length ?? 0);
  return body.byteLength + 2 * characters + OVERHEAD_BYTES;
}

function isSameVariant(one: StoredResponse, other: StoredResponse): boolean {
  return one.scope === other.scope && JSON.stringify(one.vary) === JSON.stringify(other.vary);
}
