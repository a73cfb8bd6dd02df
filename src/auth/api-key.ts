import { createHash, createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { createIdentity, type Identity } from "./identity.ts";

/** An API key as it is configured: its digest, never the key. */
export interface ApiKeyEntry {
  readonly name: string;
  /** `null`: the source's own choice for those without a role. */
  readonly role: string | null;
  /** SHA-256 in hexadecimal. Keys are random, so nothing slower is needed. */
  readonly hash: string;
  readonly claims: Readonly<Record<string, unknown>>;
  /** Milliseconds since the epoch, or infinite. */
  readonly untilMs: number;
}

/** Finds whose an API key is; `undefined` for one that is not known. Takes equally long for all that are not. */
export type FindApiKey = (key: string) => Identity | undefined;

export function createApiKeys(entries: readonly ApiKeyEntry[]): FindApiKey {
  // Looked up by a digest that nobody outside can predict, so that the time a search takes tells nothing of the stored ones.
  const salt = randomBytes(32);
  const place = (digest: Buffer): string => createHmac("sha256", salt).update(digest).digest("base64");
  const known = new Map<string, { readonly digest: Buffer; readonly identity: Identity }>();
  for (const entry of entries) {
    const digest = Buffer.from(entry.hash, "hex");
    known.set(place(digest), { digest, identity: toIdentity(entry) });
  }
  return (key) => {
    const digest = createHash("sha256").update(key).digest();
    const found = known.get(place(digest));
    return found !== undefined && timingSafeEqual(found.digest, digest) ? found.identity : undefined;
  };
}

/** A new key, and the digest to configure. */
export function makeApiKey(): { readonly key: string; readonly hash: string } {
  const key = `hp_${randomBytes(32).toString("base64url")}`;
  return { key, hash: createHash("sha256").update(key).digest("hex") };
}

function toIdentity({ name, role, claims, untilMs }: ApiKeyEntry): Identity {
  const claimsText = JSON.stringify({ ...claims, api_key: name });
  return createIdentity({ kind: "key", subject: name, role, claimsText, validUntilMs: untilMs });
}
