import type { Claims, Identity } from "./identity.ts";

/** A token whose signature was verified. What of its claims depends on the time is judged at each use. */
export interface VerifiedToken {
  readonly identity: Identity;
  readonly claims: Claims;
  /** Until then it is not valid yet. */
  readonly fromMs: number;
  /** From then on it is not valid any more, or never was (audience, issuer). */
  readonly untilMs: number;
}

/**
 * Remembers tokens by their text, so that each is verified once. Eviction is FIFO with a second chance: what was used since it was looked at
 * last stays (SIEVE's idea, without its list).
 */
export interface TokenCache {
  get(text: string): VerifiedToken | undefined;
  set(text: string, token: VerifiedToken): void;
  /** For when keys have changed. */
  clear(): void;
  readonly size: number;
}

/** Tokens and claims together, in characters. */
const MAX_CHARACTERS = 32 * 1024 * 1024;
/** Longer ones are verified each time. */
const MAX_TOKEN_CHARACTERS = 16 * 1024;

interface Entry {
  readonly token: VerifiedToken;
  readonly characters: number;
  wasUsed: boolean;
}

export function createTokenCache(maxEntries: number): TokenCache {
  // A Map keeps the order of insertion.
  const entries = new Map<string, Entry>();
  let characters = 0;

  function evictOne(): void {
    for (const [text, entry] of entries) {
      entries.delete(text);
      if (!entry.wasUsed) {
        characters -= entry.characters;
        return;
      }
      entry.wasUsed = false;
      entries.set(text, entry);
    }
  }

  return {
    get size() {
      return entries.size;
    },
    get(text) {
      const entry = entries.get(text);
      if (entry === undefined) return undefined;
      entry.wasUsed = true;
      return entry.token;
    },
    set(text, token) {
      const size = text.length + 2 * token.identity.claimsText.length;
      if (maxEntries === 0 || text.length > MAX_TOKEN_CHARACTERS || entries.has(text)) return;
      while (entries.size >= maxEntries || characters + size > MAX_CHARACTERS) evictOne();
      entries.set(text, { token, characters: size, wasUsed: false });
      characters += size;
    },
    clear() {
      entries.clear();
      characters = 0;
    },
  };
}
