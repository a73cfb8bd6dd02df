import { readReplyDirectives } from "../../http/targeted.ts";
import { ageMs, type Freshness, type FreshnessRules, measureFreshness } from "../../http/freshness.ts";
import { addCacheStatus, formatCacheStatus } from "../../http/cache-status.ts";
import { isForAll } from "../../http/storable.ts";
import type { KeptContent, ReplyHeaders } from "../../http/message.ts";
import type { StoredReply } from "../store.ts";
import { OWN_CACHE_CONTROL, OWN_ROUTE } from "./own-fields.ts";
import type { Variants } from "./variants.ts";

/** What to make of stored replies. */
export interface EntryRules {
  readonly freshness: FreshnessRules;
  readonly tellsStatus: boolean;
}

/** A stored reply with what is worked out once for all its uses. */
export class Entry {
  readonly stored: StoredReply;
  readonly freshness: Freshness;
  /** Whether it may serve requests with `Authorization` (RFC 9111 section 3.5). */
  readonly isForAll: boolean;
  readonly route: string | undefined;
  readonly kept: KeptContent;
  readonly #headers: ReplyHeaders;
  readonly #tellsStatus: boolean;
  #age = -1;
  #aged: ReplyHeaders = {};
  /** How often it was asked for at this age. */
  #uses = 0;

  constructor(stored: StoredReply, rules: EntryRules, variants: Variants) {
    this.stored = stored;
    this.freshness = measureFreshness(stored.status, stored.headers, stored, rules.freshness);
    this.isForAll = isForAll(readReplyDirectives(stored.headers, rules.freshness.targets).control);
    const route = stored.headers[OWN_ROUTE];
    this.route = typeof route === "string" ? route : undefined;
    this.kept = variants.of(stored.body);
    this.#tellsStatus = rules.tellsStatus;
    const { age: _age, [OWN_CACHE_CONTROL]: _control, [OWN_ROUTE]: _route, ...headers } = stored.headers;
    this.#headers = headers;
  }

  /** The fields of a hit, made at most once for each second of age. Shared: not to be changed. */
  headersAt(nowMs: number): ReplyHeaders {
    const age = Math.floor(ageMs(this.freshness, nowMs) / 1000);
    this.#uses++;
    if (age !== this.#age) {
      this.#uses = 1;
      const ttl = this.freshness.lifetimeMs / 1000 - age;
      this.#aged = this.headersWith(
        age,
        this.#tellsStatus ? formatCacheStatus(CACHE_NAME, { hit: true, ttl }) : undefined,
      );
      this.#age = age;
    }
    return this.#aged;
  }

  /** It is asked for so often within a second that what is worked out for it is worth keeping until the next. */
  get isRecurring(): boolean {
    return this.#uses >= RECURRING_USES;
  }

  /** The fields with another status than that of a hit. */
  headersWith(ageSeconds: number, status: string | undefined): ReplyHeaders {
    const headers: ReplyHeaders = { ...this.#headers, age: String(ageSeconds) };
    if (status !== undefined) headers["cache-status"] = addCacheStatus(headers["cache-status"], status);
    return headers;
  }
}

/** Keeping costs about what it saves the next time, and what is kept of many for a second is the dearest garbage: no longer young. */
const RECURRING_USES = 4;

/** How this cache names itself in `Cache-Status`. */
export const CACHE_NAME = "hotpath";

/** Finds the entries of stored replies: worked out at first sight, and kept for as long as the store hands out the same reply. */
export function createEntries(rules: EntryRules, variants: Variants): (stored: StoredReply) => Entry {
  const entries = new WeakMap<StoredReply, Entry>();
  return (stored) => {
    let entry = entries.get(stored);
    if (entry === undefined) {
      entry = new Entry(stored, rules, variants);
      entries.set(stored, entry);
    }
    return entry;
  };
}
