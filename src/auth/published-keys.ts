import type { Log } from "../api/source.ts";
import { parsePublishedKeys, type VerificationKey } from "./verification-key.ts";

/** A JWK set that somebody publishes, kept up to date. */
export interface PublishedKeys {
  /** The last set that could be read; `undefined` before the first. */
  readonly keys: readonly VerificationKey[] | undefined;
  /** Has the set fetched anew behind everybody's back when it has come of age. */
  freshen(): void;
  /**
   * Fetches the set because it is wanted or lacks a key, unless that was done a moment ago: then it resolves at once, so that tokens with made-up
   * key ids cannot make us ask without end. Never rejects.
   */
  renew(): Promise<void>;
}

export interface PublishedKeysOptions {
  readonly url: string;
  readonly maxAgeMs: number;
  readonly log: Log;
  /** Told when a set differs from the one before. */
  readonly changed: () => void;
  /** Milliseconds since the epoch; `Date.now` unless a test has another. */
  readonly clock?: () => number;
}

const TIMEOUT_MS = 5000;
/** Issuers publish a key some time before they sign with it; whoever asks more often gains nothing. */
const LEAST_PAUSE_MS = 10_000;
const MAX_BYTES = 512 * 1024;

export function createPublishedKeys({
  url,
  maxAgeMs,
  log,
  changed,
  clock = Date.now,
}: PublishedKeysOptions): PublishedKeys {
  let keys: readonly VerificationKey[] | undefined;
  let text = "";
  let fetchedAtMs = Number.NEGATIVE_INFINITY;
  let triedAtMs = Number.NEGATIVE_INFINITY;
  let underWay: Promise<void> | undefined;

  async function fetchOnce(): Promise<void> {
    triedAtMs = clock();
    try {
      const fetched = await fetchText(url);
      const parsed = parsePublishedKeys(fetched);
      if (parsed === undefined || parsed.length === 0) throw new Error("it holds no usable key");
      fetchedAtMs = clock();
      if (fetched === text) return;
      log.info({ keys: parsed.length }, keys === undefined ? "key set fetched" : "key set has changed");
      keys = parsed;
      text = fetched;
      changed();
    } catch (error) {
      const consequence = keys === undefined ? "tokens cannot be verified" : "the last one stays in use";
      log.warn({ reason: reasonOf(error) }, `the key set cannot be fetched; ${consequence}`);
    }
  }

  function renew(): Promise<void> {
    if (underWay !== undefined) return underWay;
    if (clock() - triedAtMs < LEAST_PAUSE_MS) return Promise.resolve();
    underWay = fetchOnce().finally(() => {
      underWay = undefined;
    });
    return underWay;
  }

  return {
    get keys() {
      return keys;
    },
    freshen() {
      if (keys !== undefined && clock() - fetchedAtMs >= maxAgeMs) void renew();
    },
    renew,
  };
}

async function fetchText(url: string): Promise<string> {
  const response = await fetch(url, {
    headers: { accept: "application/jwk-set+json, application/json" },
    // Whoever could redirect us could give us keys of theirs.
    redirect: "error",
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  if (!response.ok) {
    await response.body?.cancel();
    throw new Error(`it was answered with ${response.status}`);
  }
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.byteLength;
    if (length > MAX_BYTES) throw new Error(`it is larger than ${MAX_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

/** `fetch` hides the reason in a cause. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}
