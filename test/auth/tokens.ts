import { createHmac, generateKeyPairSync, type KeyObject } from "node:crypto";
import { exportJWK, type JWK, SignJWT } from "jose";

/** A pair of keys, as an issuer has it. */
export interface Issuer {
  readonly algorithm: string;
  readonly privateKey: KeyObject | Uint8Array;
  /** What the issuer publishes; of a secret, the secret. */
  readonly jwk: JWK;
}

const EC = { ES256: "P-256", ES384: "P-384", ES512: "P-521" } as const;

/** Makes an issuer that signs with an algorithm. */
export async function createIssuer(algorithm: string, kid?: string): Promise<Issuer> {
  const named = kid === undefined ? {} : { kid };
  if (algorithm.startsWith("HS")) {
    const privateKey = crypto.getRandomValues(new Uint8Array(64));
    return { algorithm, privateKey, jwk: { kty: "oct", k: Buffer.from(privateKey).toString("base64url"), ...named } };
  }
  const { publicKey, privateKey } = pairFor(algorithm);
  return { algorithm, privateKey, jwk: { ...(await exportJWK(publicKey)), ...named } };
}

function pairFor(algorithm: string): { publicKey: KeyObject; privateKey: KeyObject } {
  if (algorithm in EC) return generateKeyPairSync("ec", { namedCurve: EC[algorithm as keyof typeof EC] });
  if (algorithm === "EdDSA" || algorithm === "Ed25519") return generateKeyPairSync("ed25519");
  return generateKeyPairSync("rsa", { modulusLength: 2048 });
}

/** Signs claims as an issuer does. */
export function sign(issuer: Issuer, claims: object, header: object = {}): Promise<string> {
  return new SignJWT({ ...claims })
    .setProtectedHeader({
      alg: issuer.algorithm,
      ...(issuer.jwk.kid === undefined ? {} : { kid: issuer.jwk.kid }),
      ...header,
    })
    .sign(issuer.privateKey);
}

/** A token of HS256 with a secret text, its parts exactly as given. */
export function signText(secret: string, payload: string, header: object = { alg: "HS256" }): string {
  const signed = `${encode(JSON.stringify(header))}.${encode(payload)}`;
  return `${signed}.${createHmac("sha256", secret).update(signed).digest("base64url")}`;
}

/** One part of a token. */
export function encode(text: string): string {
  return Buffer.from(text).toString("base64url");
}

/** The secret of most tests. */
export const SECRET = "reallyreallyreallyreallyverysafe";

/** Seconds since the epoch, some seconds from now. */
export function inSeconds(seconds: number): number {
  return Math.floor(Date.now() / 1000) + seconds;
}
