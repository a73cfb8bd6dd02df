import type { ServerSettings } from "../api/settings.ts";
import { isSignedBy } from "./algorithm.ts";
import { type ClaimRules, endOfClaims, judgeClaims, readClaims } from "./claims.ts";
import { createIdentity, type Identity } from "./identity.ts";
import type { KeyRing } from "./key-ring.ts";
import { CredentialsRefused, invalidToken, unverifiableToken } from "./refusal.ts";
import { compileRolePath } from "./role-path.ts";
import { type ParsedToken, parseToken } from "./token.ts";
import { createTokenCache, type VerifiedToken } from "./token-cache.ts";
import type { VerificationKey } from "./verification-key.ts";

/** Tells whose tokens are. */
export interface TokenVerifier {
  /** At once for a token that was verified before, and for most others; `nowMs` is the time since the epoch. */
  verify(text: string, nowMs: number): Verdict | Promise<Verdict>;
  /** Forgets what was verified with keys that may be none any more. */
  forget(): void;
  readonly remembered: number;
}

type Verdict = Identity | CredentialsRefused;

/** @throws Error for a role claim that is no path */
export function createTokenVerifier(settings: ServerSettings["auth"]["jwt"], keys: KeyRing): TokenVerifier {
  const rules: ClaimRules = settings;
  const { published } = keys;
  const findRole = compileRolePath(settings.roleClaim);
  const cache = createTokenCache(settings.maxCached);
  /** Verifications under way, so that a burst of one new token costs one. */
  const underWay = new Map<string, Promise<VerifiedToken | CredentialsRefused>>();
  let generation = 0;

  /** Of claims whose time has not come or is over, the first flaw is found anew. */
  function judge(token: VerifiedToken | CredentialsRefused, nowMs: number): Verdict {
    if (token instanceof CredentialsRefused) return token;
    if (nowMs >= token.fromMs && nowMs < token.untilMs) return token.identity;
    const validity = judgeClaims(token.claims, rules, nowMs);
    return validity instanceof CredentialsRefused ? validity : token.identity;
  }

  async function verifyLater(
    text: string,
    token: ParsedToken,
    tried: boolean | Promise<boolean>,
    begunIn: number,
  ): Promise<VerifiedToken | CredentialsRefused> {
    if (await tried) return keep(text, token, begunIn);
    if (published === undefined || !mayBeOfNewKey(token)) return unsigned(token);
    await published.renew();
    if (published.keys === undefined) return unverifiableToken();
    const isSigned = await isSignedByAny(keys.find(token.algorithm, token.keyId), token);
    return isSigned ? keep(text, token, generation) : unsigned(token);
  }

  /** Whether a newer set could hold its key. */
  function mayBeOfNewKey({ algorithm, keyId }: ParsedToken): boolean {
    return published?.keys === undefined || keyId === null || keys.find(algorithm, keyId).length === 0;
  }

  function keep(text: string, { payload }: ParsedToken, begunIn: number): VerifiedToken | CredentialsRefused {
    const read = readClaims(payload);
    if (read instanceof CredentialsRefused) return read;
    const { claims } = read;
    const { sub } = claims;
    const identity = createIdentity({
      kind: "token",
      subject: typeof sub === "string" ? sub : null,
      role: findRole(claims),
      claimsText: read.text,
      validUntilMs: endOfClaims(claims, rules),
    });
    const validity = judgeClaims(claims, rules, Date.now());
    const token = { identity, claims, ...(validity instanceof CredentialsRefused ? NEVER : validity) };
    if (begunIn === generation) cache.set(text, token);
    return token;
  }

  function unsigned({ algorithm, keyId }: ParsedToken): CredentialsRefused {
    const hasTried = keys.find(algorithm, keyId).length > 0;
    return invalidToken(
      "No suitable key or wrong key type",
      hasTried ? "None of the keys was able to decode the JWT" : "No suitable key was found to decode the JWT",
    );
  }

  return {
    verify(text, nowMs) {
      const known = cache.get(text);
      if (known !== undefined) return judge(known, nowMs);
      const pending = underWay.get(text);
      if (pending !== undefined) return pending.then((token) => judge(token, Date.now()));
      const token = parseToken(text);
      if (token instanceof CredentialsRefused) return token;
      published?.freshen();
      const isSigned = isSignedByAny(keys.find(token.algorithm, token.keyId), token);
      if (isSigned === true) return judge(keep(text, token, generation), nowMs);
      if (isSigned === false && published === undefined) return unsigned(token);
      const later = verifyLater(text, token, isSigned, generation).finally(() => underWay.delete(text));
      underWay.set(text, later);
      return later.then((verified) => judge(verified, Date.now()));
    },
    forget() {
      generation++;
      cache.clear();
    },
    get remembered() {
      return cache.size;
    },
  };
}

/** For claims that are judged at each use. */
const NEVER = { fromMs: Number.POSITIVE_INFINITY, untilMs: 0 };

function isSignedByAny(
  keys: readonly VerificationKey[],
  { algorithm, signed, signature }: ParsedToken,
): boolean | Promise<boolean> {
  const later: Promise<boolean>[] = [];
  for (const { key } of keys) {
    const isSigned = isSignedBy(algorithm, key, signed, signature);
    if (isSigned === true) return true;
    if (isSigned !== false) later.push(isSigned);
  }
  if (later.length === 0) return false;
  return Promise.all(later).then((each) => each.includes(true));
}
