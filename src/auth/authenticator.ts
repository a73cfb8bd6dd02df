import { readFile } from "node:fs/promises";
import type { IncomingHttpHeaders } from "node:http";
import type { ServerSettings } from "../api/settings.ts";
import type { Log } from "../api/source.ts";
import { HotpathError } from "../errors.ts";
import { createApiKeys, type FindApiKey } from "./api-key.ts";
import { parseApiKeyFile, parseApiKeyLine } from "./api-key-file.ts";
import { readCredentials } from "./credentials.ts";
import { ANONYMOUS, type Identity } from "./identity.ts";
import { type KeyRing, openKeyRing } from "./key-ring.ts";
import { CredentialsRefused } from "./refusal.ts";
import { createTokenVerifier, type TokenVerifier } from "./token-verifier.ts";

/** Tells who asks. */
export interface Authenticator {
  /** Whose a request's credentials are, or why they count for nothing. Waits only for keys, and for signatures that take long. */
  authenticate(headers: Readonly<IncomingHttpHeaders>): Verdict | Promise<Verdict>;
  /** The refusal of a request without credentials. */
  missing(): CredentialsRefused;
  /** Header fields that show who asks, as `Vary` names them. */
  readonly fields: readonly string[];
  /** Another number once keys have changed: what was concluded before is to be concluded anew. */
  readonly generation: number;
  /** Verified tokens that are remembered. */
  readonly remembered: number;
  /** Reads key files again, and fetches the published set. What cannot be read leaves the old keys in force, and rejects. */
  reload(): Promise<void>;
}

export type Verdict = Identity | CredentialsRefused;

/**
 * Opens what the settings name; `undefined` when they name no key of any kind.
 *
 * @throws HotpathError HP_OPTION_INVALID
 */
export async function openAuthenticator(
  settings: ServerSettings["auth"],
  log: Log,
): Promise<Authenticator | undefined> {
  const { jwt, apiKeys } = settings;
  const usesTokens = jwt.secret !== null || jwt.keysFile !== null || jwt.keysUrl !== null;
  const usesApiKeys = apiKeys.keys.length > 0 || apiKeys.file !== null;
  if (!usesTokens && !usesApiKeys) return undefined;

  let generation = 0;
  let tokens: TokenVerifier | undefined;
  const changed = (): void => {
    generation++;
    tokens?.forget();
  };
  const keyRing = usesTokens ? await openKeyRing(jwt, log, changed) : undefined;
  tokens = keyRing === undefined ? undefined : openVerifier(jwt, keyRing);
  let findApiKey = usesApiKeys ? await readApiKeys(apiKeys) : undefined;
  const keyField = usesApiKeys ? apiKeys.header.toLowerCase() : undefined;
  const challenge = {
    "www-authenticate": [...(usesTokens ? ["Bearer"] : []), ...(usesApiKeys ? ["ApiKey"] : [])].join(", "),
  };

  function verifyToken(text: string): Verdict | Promise<Verdict> {
    if (tokens !== undefined) return tokens.verify(text, Date.now());
    return new CredentialsRefused("HP_JWT_UNSUPPORTED", "Tokens are not verified here.", challenge);
  }

  function verifyApiKey(key: string): Verdict {
    const identity = findApiKey?.(key);
    if (identity !== undefined && Date.now() < identity.validUntilMs) return identity;
    const message = identity === undefined ? "The API key is not known." : "The API key has ended.";
    return new CredentialsRefused("HP_API_KEY_INVALID", message, challenge);
  }

  return {
    authenticate(headers) {
      const shown = readCredentials(headers, keyField);
      if (shown === undefined) return ANONYMOUS;
      if (shown.kind === "token") return verifyToken(shown.text);
      if (shown.kind === "key") return verifyApiKey(shown.text);
      return new CredentialsRefused(
        "HP_CREDENTIALS_AMBIGUOUS",
        "The request shows more than one kind of credentials.",
        {},
      );
    },
    fields: ["Authorization", ...(usesApiKeys ? [apiKeys.header] : [])],
    missing: () => new CredentialsRefused("HP_CREDENTIALS_MISSING", "The request does not show who asks.", challenge),
    get generation() {
      return generation;
    },
    get remembered() {
      return tokens?.remembered ?? 0;
    },
    async reload() {
      if (usesApiKeys) findApiKey = await readApiKeys(apiKeys);
      changed();
      await keyRing?.reload();
    },
  };
}

function openVerifier(settings: ServerSettings["auth"]["jwt"], keyRing: KeyRing): TokenVerifier {
  try {
    return createTokenVerifier(settings, keyRing);
  } catch (error) {
    throw new HotpathError("HP_OPTION_INVALID", `auth.jwt.roleClaim was not understood: ${(error as Error).message}.`);
  }
}

async function readApiKeys({ keys, file }: ServerSettings["auth"]["apiKeys"]): Promise<FindApiKey> {
  const entries = keys.map(parseApiKeyLine);
  if (file === null) return createApiKeys(entries);
  try {
    return createApiKeys([...entries, ...parseApiKeyFile(await readFile(file, "utf8"))]);
  } catch (error) {
    throw new HotpathError(
      "HP_OPTION_INVALID",
      `auth.apiKeys.file: ${file} was not understood: ${(error as Error).message}.`,
    );
  }
}
