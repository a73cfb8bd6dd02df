import { readFile } from "node:fs/promises";
import type { ServerSettings } from "../api/settings.ts";
import type { Log } from "../api/source.ts";
import { HotpathError } from "../errors.ts";
import type { Algorithm } from "./algorithm.ts";
import { createPublishedKeys, type PublishedKeys } from "./published-keys.ts";
import { parseKeys, type VerificationKey } from "./verification-key.ts";

/** Every key that tokens may be signed with: those of the options, of a file, and of a published set. */
export interface KeyRing {
  /**
   * Keys that may have signed a token. One that names a key can only be of that key; one that names none, of any key of the algorithm
   * (RFC 7515 section 4.1.4, as PostgREST 14 reads it).
   */
  find(algorithm: Algorithm, keyId: string | null): readonly VerificationKey[];
  readonly published: PublishedKeys | undefined;
  /** Reads the file again, and the published set. Keeps the old keys of a file that cannot be read, and rejects. */
  reload(): Promise<void>;
}

/**
 * Reads the keys that the settings name.
 *
 * @param changed told when keys are no longer what they were
 * @throws HotpathError HP_OPTION_INVALID
 */
export async function openKeyRing(
  settings: ServerSettings["auth"]["jwt"],
  log: Log,
  changed: () => void,
): Promise<KeyRing> {
  const own = settings.secret === null ? [] : fromSecret(settings.secret, settings.secretIsBase64);
  let fromFile = await readKeysFile(settings.keysFile);
  const published =
    settings.keysUrl === null
      ? undefined
      : createPublishedKeys({ url: settings.keysUrl, maxAgeMs: settings.keysMaxAgeMs, log, changed });
  await published?.renew();

  return {
    published,
    find(algorithm, keyId) {
      const isMatch = (key: VerificationKey): boolean =>
        (keyId === null || key.id === keyId) && key.algorithms.includes(algorithm);
      return [...own, ...fromFile, ...(published?.keys ?? [])].filter(isMatch);
    },
    async reload() {
      fromFile = await readKeysFile(settings.keysFile);
      changed();
      await published?.renew();
    },
  };
}

/**
 * The keys of the option `auth.jwt.secret`.
 *
 * @throws HotpathError HP_OPTION_INVALID, without the secret
 */
export function fromSecret(secret: string, isBase64: boolean): readonly VerificationKey[] {
  const bytes = isBase64 ? fromBase64(secret.trim()) : Buffer.from(secret);
  return parse(bytes, "auth.jwt.secret");
}

/** In either alphabet, and with either padding, as PostgREST takes it. */
function fromBase64(text: string): Buffer {
  const standard = text.replaceAll("-", "+").replaceAll("_", "/").replaceAll(".", "=");
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(standard)) {
    throw new HotpathError(
      "HP_OPTION_INVALID",
      "auth.jwt.secret is no base64, which auth.jwt.secretIsBase64 says it is.",
    );
  }
  return Buffer.from(standard, "base64");
}

async function readKeysFile(path: string | null): Promise<readonly VerificationKey[]> {
  if (path === null) return [];
  let content: Buffer;
  try {
    content = await readFile(path);
  } catch (cause) {
    throw new HotpathError("HP_OPTION_INVALID", `auth.jwt.keysFile: ${path} cannot be read.`, { cause });
  }
  // Editors end files with a line break that is no part of a secret.
  const end = content.at(-1) === 0x0a ? content.length - 1 : content.length;
  return parse(content.subarray(0, end), `auth.jwt.keysFile: ${path}`);
}

function parse(content: Uint8Array, origin: string): readonly VerificationKey[] {
  try {
    return parseKeys(content);
  } catch (error) {
    throw new HotpathError(
      "HP_OPTION_INVALID",
      `${origin} holds no key to verify tokens with: ${(error as Error).message}.`,
    );
  }
}
