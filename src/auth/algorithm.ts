import { constants, createHmac, type KeyObject, timingSafeEqual, verify } from "node:crypto";

/** Signature algorithms of tokens (RFC 7518 section 3, RFC 8037, RFC 9864). `none` is not among them. */
export type Algorithm =
  | "HS256"
  | "HS384"
  | "HS512"
  | "RS256"
  | "RS384"
  | "RS512"
  | "PS256"
  | "PS384"
  | "PS512"
  | "ES256"
  | "ES384"
  | "ES512"
  | "EdDSA"
  | "Ed25519"
  | "Ed448";

/** What an algorithm is made of. */
interface Scheme {
  readonly kind: "hmac" | "rsa" | "rsa-pss" | "ecdsa" | "eddsa";
  /** Name of the digest; EdDSA brings its own. */
  readonly digest: string | null;
}

const SCHEMES: Readonly<Record<Algorithm, Scheme>> = {
  HS256: { kind: "hmac", digest: "sha256" },
  HS384: { kind: "hmac", digest: "sha384" },
  HS512: { kind: "hmac", digest: "sha512" },
  RS256: { kind: "rsa", digest: "sha256" },
  RS384: { kind: "rsa", digest: "sha384" },
  RS512: { kind: "rsa", digest: "sha512" },
  PS256: { kind: "rsa-pss", digest: "sha256" },
  PS384: { kind: "rsa-pss", digest: "sha384" },
  PS512: { kind: "rsa-pss", digest: "sha512" },
  ES256: { kind: "ecdsa", digest: "sha256" },
  ES384: { kind: "ecdsa", digest: "sha384" },
  ES512: { kind: "ecdsa", digest: "sha512" },
  EdDSA: { kind: "eddsa", digest: null },
  Ed25519: { kind: "eddsa", digest: null },
  Ed448: { kind: "eddsa", digest: null },
};

export function isAlgorithm(name: unknown): name is Algorithm {
  return typeof name === "string" && Object.hasOwn(SCHEMES, name);
}

/** Algorithms that a key can be used with: each kind of key has its own, so that none can be taken for another's. */
export function algorithmsOf(key: KeyObject): readonly Algorithm[] {
  if (key.type === "secret") return ["HS256", "HS384", "HS512"];
  switch (key.asymmetricKeyType) {
    case "rsa":
      return ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"];
    case "rsa-pss":
      return ["PS256", "PS384", "PS512"];
    case "ec":
      return CURVES[key.asymmetricKeyDetails?.namedCurve ?? ""] ?? [];
    case "ed25519":
      return ["EdDSA", "Ed25519"];
    case "ed448":
      return ["EdDSA", "Ed448"];
    default:
      return [];
  }
}

/** By OpenSSL's names. */
const CURVES: Readonly<Record<string, readonly Algorithm[]>> = {
  prime256v1: ["ES256"],
  secp384r1: ["ES384"],
  secp521r1: ["ES512"],
};

/**
 * Whether the signature is the key's. The algorithm must be one of the key's own. On curves it takes as long as several requests
 * do, and so happens in the thread pool.
 */
export function isSignedBy(
  algorithm: Algorithm,
  key: KeyObject,
  signed: string,
  signature: Buffer,
): boolean | Promise<boolean> {
  const { kind, digest } = SCHEMES[algorithm];
  if (kind === "hmac") {
    const expected = createHmac(digest ?? "", key)
      .update(signed)
      .digest();
    return expected.length === signature.length && timingSafeEqual(expected, signature);
  }
  const bytes = Buffer.from(signed, "latin1");
  try {
    if (kind === "rsa") return verify(digest, bytes, { key, padding: constants.RSA_PKCS1_PADDING }, signature);
    if (kind === "rsa-pss") {
      const padding = constants.RSA_PKCS1_PSS_PADDING;
      return verify(digest, bytes, { key, padding, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }, signature);
    }
  } catch {
    return false;
  }
  return new Promise((resolve) => {
    const answer = (error: Error | null, isSigned: boolean): void => resolve(error === null && isSigned);
    try {
      verify(digest, bytes, { key, dsaEncoding: "ieee-p1363" }, signature, answer);
    } catch {
      resolve(false);
    }
  });
}
