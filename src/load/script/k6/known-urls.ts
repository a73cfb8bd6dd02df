import type { OutgoingRequest } from "../../client/request.ts";
import { type HostOverrides, type Target, toTarget } from "../../client/target.ts";
import { parseUrl, withoutIds, withoutUser } from "./url.ts";

/** A URL that a script has asked for, with what follows from it alone. */
export interface KnownUrl {
  /** As the script wrote it. */
  readonly text: string;
  readonly url: URL;
  /** Without credentials. */
  readonly href: string;
  readonly path: string;
  readonly target: Target;
  /** What it stands under in tables. */
  readonly table: string;
  /** The request that asks for it with no fields of its own. */
  plain: OutgoingRequest | undefined;
}

/** URLs of a process by their texts: a script asks for the same ones over and over. */
export interface KnownUrls {
  /** Undefined: it is none of HTTP. @throws TypeError the same, when told to */
  find(text: string, throws: boolean): KnownUrl | undefined;
  /** Where hosts lead has changed. */
  clear(hosts: HostOverrides): void;
}

/** A script may ask for ever new ones. */
const MAX_URLS = 5000;
const MAX_TARGETS = 10_000;

export function createKnownUrls(): KnownUrls {
  const known = new Map<string, KnownUrl>();
  const targets = new Map<string, Target>();
  let overrides: HostOverrides = {};
  const targetOf = (url: URL): Target => {
    let found = targets.get(url.origin);
    if (found === undefined) {
      if (targets.size >= MAX_TARGETS) targets.clear();
      targets.set(url.origin, (found = toTarget(url, overrides)));
    }
    return found;
  };
  return {
    find(text, throws) {
      const before = known.get(text);
      if (before !== undefined) return before;
      const url = parseUrl(text, throws);
      if (url === undefined) return undefined;
      const href = withoutUser(url);
      const made: KnownUrl = {
        text,
        url,
        href,
        path: url.pathname + url.search,
        target: targetOf(url),
        table: withoutIds(href),
        plain: undefined,
      };
      if (known.size >= MAX_URLS) known.clear();
      known.set(text, made);
      return made;
    },
    clear(hosts) {
      overrides = hosts;
      known.clear();
      targets.clear();
    },
  };
}
