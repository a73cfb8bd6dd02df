import { type Algorithm, isAlgorithm } from "./algorithm.ts";
import { type CredentialsRefused, invalidToken } from "./refusal.ts";

/** A token taken apart (JWS Compact Serialization, RFC 7515 section 7.1). Nothing in it is to be trusted yet. */
export interface ParsedToken {
  readonly algorithm: Algorithm;
  readonly keyId: string | null;
  /** What the signature is of. */
  readonly signed: string;
  readonly signature: Buffer;
  readonly payload: Buffer;
}

/** Takes a token apart, or says why it is none. Texts are those of PostgREST 14 ("JWT errors"). */
export function parseToken(text: string): ParsedToken | CredentialsRefused {
  if (text === "") return invalidToken("Empty JWT is sent in Authorization header");
  const parts = text.split(".");
  if (parts.length !== 3) return invalidToken(`Expected 3 parts in JWT; got ${parts.length}`);
  const [head = "", payload = "", signature = ""] = parts;
  if (!BASE64URL.test(text)) return undecodable();
  const header = parseHeader(head);
  if (header === undefined) return undecodable();
  const { alg, kid, crit } = header;
  if (alg === "none") return unsupported("JWT is unsecured but expected 'alg' was not 'none'");
  if (!isAlgorithm(alg)) return undecodable();
  // Extensions that must be understood: there are none that we know (RFC 7515 section 4.1.11).
  if (crit !== undefined) return unsupported("The JWT demands extensions that are not known here");
  return {
    algorithm: alg,
    keyId: typeof kid === "string" ? kid : null,
    signed: text.slice(0, head.length + 1 + payload.length),
    signature: Buffer.from(signature, "base64url"),
    payload: Buffer.from(payload, "base64url"),
  };
}

/** Three parts, unpadded. */
const BASE64URL = /^[\w-]+\.[\w-]*\.[\w-]*$/;

function parseHeader(part: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const header: unknown = JSON.parse(Buffer.from(part, "base64url").toString());
    if (typeof header !== "object" || header === null || Array.isArray(header)) return undefined;
    return header as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

function undecodable(): CredentialsRefused {
  return invalidToken("JWT cryptographic operation failed");
}

function unsupported(details: string): CredentialsRefused {
  return invalidToken("Wrong or unsupported encoding algorithm", details);
}
