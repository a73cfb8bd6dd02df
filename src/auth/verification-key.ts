import { createPublicKey, createSecretKey, type KeyObject } from "node:crypto";
import { type Algorithm, algorithmsOf, isAlgorithm } from "./algorithm.ts";

/** A key that tokens are verified with. */
export interface VerificationKey {
  readonly id: string | null;
  /** Those it may be used with, as its kind and its owner have it. */
  readonly algorithms: readonly Algorithm[];
  readonly key: KeyObject;
}

/** Shorter ones can be guessed (RFC 7518 section 3.2). */
const LEAST_SECRET_BYTES = 32;
/** RFC 7518 section 3.3. */
const LEAST_RSA_BITS = 2048;
/** No issuer has so many. */
const MAX_KEYS = 100;

/**
 * Reads what an operator configures: a JWK set, a JWK, public keys as PEM, or else a secret text for HS256.
 *
 * @throws Error that says what is wrong, without the key
 */
export function parseKeys(given: Uint8Array): readonly VerificationKey[] {
  const text = Buffer.from(given).toString();
  if (/^\s*\{/.test(text)) {
    const parsed = parseObject(text);
    if (parsed !== undefined && Array.isArray(parsed["keys"])) return fromEveryJwk(parsed["keys"]);
    if (parsed !== undefined && "kty" in parsed) return [fromJwk(parsed)];
  }
  if (text.includes("-----BEGIN")) return fromPem(text);
  if (given.byteLength < LEAST_SECRET_BYTES) {
    throw new Error(`the secret must be at least ${LEAST_SECRET_BYTES} characters long`);
  }
  return [{ id: null, algorithms: ["HS256"], key: createSecretKey(given) }];
}

/** Reads a JWK set that others publish (RFC 7517 section 5): keys that are not for us are left out; `undefined` when it is none. */
export function parsePublishedKeys(text: string): readonly VerificationKey[] | undefined {
  const members = parseObject(text)?.["keys"];
  if (!Array.isArray(members)) return undefined;
  return members.slice(0, MAX_KEYS).flatMap((member: unknown) => {
    try {
      // What is public can sign nothing.
      const isPublic = isObject(member) && member["kty"] !== "oct";
      return isPublic ? [fromJwk(member)] : [];
    } catch {
      return [];
    }
  });
}

function fromEveryJwk(members: readonly unknown[]): readonly VerificationKey[] {
  if (members.length === 0 || members.length > MAX_KEYS) throw new Error(`a set must hold 1 to ${MAX_KEYS} keys`);
  return members.map((member, index) => {
    try {
      if (!isObject(member)) throw new Error("it must be an object");
      return fromJwk(member);
    } catch (error) {
      throw new Error(`key ${index + 1} of the set: ${(error as Error).message}`, { cause: error });
    }
  });
}

function fromJwk(jwk: Readonly<Record<string, unknown>>): VerificationKey {
  const { kid, use, alg, key_ops: operations } = jwk;
  if (use !== undefined && use !== "sig") throw new Error("it is not for signatures (use)");
  if (Array.isArray(operations) && !operations.includes("verify")) throw new Error("it is not for verifying (key_ops)");
  const key = toKeyObject(jwk);
  const possible = checkStrength(key);
  if (alg === undefined || alg === null) return { id: toId(kid), algorithms: possible, key };
  if (!isAlgorithm(alg) || !possible.includes(alg))
    throw new Error("its algorithm (alg) does not fit it or is not known");
  return { id: toId(kid), algorithms: [alg], key };
}

function toKeyObject(jwk: Readonly<Record<string, unknown>>): KeyObject {
  if (jwk["kty"] === "oct") {
    if (typeof jwk["k"] !== "string" || !/^[\w-]+$/.test(jwk["k"])) throw new Error("its value (k) is no base64url");
    return createSecretKey(Buffer.from(jwk["k"], "base64url"));
  }
  try {
    return createPublicKey({ key: jwk, format: "jwk" });
  } catch {
    throw new Error("it is of a kind that is not supported, or broken");
  }
}

function fromPem(text: string): readonly VerificationKey[] {
  const blocks = text.match(/-----BEGIN ([A-Z ]+)-----[^-]+-----END \1-----/g) ?? [];
  if (blocks.length === 0) throw new Error("the PEM text holds no whole block");
  return blocks.map((block) => {
    // A private key here is a mistake: it would not be needed, and may have been meant to stay elsewhere.
    if (block.includes("PRIVATE KEY")) throw new Error("a private key verifies nothing; give the public one");
    let key: KeyObject;
    try {
      key = createPublicKey(block);
    } catch {
      throw new Error("the PEM text holds a block that is no public key or certificate");
    }
    return { id: null, algorithms: checkStrength(key), key };
  });
}

/** The algorithms that a key of sufficient strength can be used with. */
function checkStrength(key: KeyObject): readonly Algorithm[] {
  if (key.type === "secret" && (key.symmetricKeySize ?? 0) < LEAST_SECRET_BYTES) {
    throw new Error(`it is shorter than ${LEAST_SECRET_BYTES} bytes`);
  }
  const { modulusLength } = key.asymmetricKeyDetails ?? {};
  if (modulusLength !== undefined && modulusLength < LEAST_RSA_BITS) {
    throw new Error(`it is shorter than ${LEAST_RSA_BITS} bits`);
  }
  const algorithms = algorithmsOf(key);
  if (algorithms.length === 0) throw new Error("it is of a kind that is not supported");
  return algorithms;
}

function toId(kid: unknown): string | null {
  return typeof kid === "string" ? kid : null;
}

function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const parsed: unknown = JSON.parse(text);
    return isObject(parsed) ? parsed : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
