import type { Claims } from "./identity.ts";
import { type CredentialsRefused, refusedToken } from "./refusal.ts";

/** What is demanded of a token's claims. */
export interface ClaimRules {
  readonly clockSkewMs: number;
  /** Empty: any. */
  readonly audience: readonly string[];
  readonly issuer: string | null;
}

/** When a token counts, in milliseconds since the epoch. */
export interface Validity {
  readonly fromMs: number;
  readonly untilMs: number;
}

/** A token's payload as text and as claims, or why it has none. */
export function readClaims(payload: Buffer): { readonly text: string; readonly claims: Claims } | CredentialsRefused {
  try {
    const text = UTF8.decode(payload);
    const claims: unknown = JSON.parse(text);
    if (typeof claims === "object" && claims !== null && !Array.isArray(claims))
      return { text, claims: claims as Claims };
  } catch {
    // Said below.
  }
  return refusedToken("Parsing claims failed");
}

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Judges claims at one moment, in the order and with the texts of PostgREST 14 ("JWT claims validation"): seconds count whole, and a
 * token that names no audience is for everybody.
 */
export function judgeClaims(claims: Claims, rules: ClaimRules, nowMs: number): Validity | CredentialsRefused {
  const { exp, nbf, iat, aud, iss } = claims;
  if (!isTime(exp)) return refusedToken("The JWT 'exp' claim must be a number");
  const untilMs = endOfClaims(claims, rules);
  if (nowMs >= untilMs) return refusedToken("JWT expired");
  if (!isTime(nbf)) return refusedToken("The JWT 'nbf' claim must be a number");
  const fromMs = isSet(nbf) ? nbf * 1000 - rules.clockSkewMs : 0;
  if (nowMs < fromMs) return refusedToken("JWT not yet valid");
  if (!isTime(iat)) return refusedToken("The JWT 'iat' claim must be a number");
  const issuedMs = isSet(iat) ? iat * 1000 - rules.clockSkewMs : 0;
  if (nowMs < issuedMs) return refusedToken("JWT issued at future");
  if (!isAudience(aud)) return refusedToken("The JWT 'aud' claim must be a string or an array of strings");
  if (!isFor(aud, rules.audience)) return refusedToken("JWT not in audience");
  if (rules.issuer !== null && iss !== rules.issuer) return refusedToken("JWT not of the issuer");
  return { fromMs: Math.max(fromMs, issuedMs), untilMs };
}

/** When claims end, in milliseconds since the epoch: the clock's second that `exp` names, and what clocks may differ, still count. */
export function endOfClaims({ exp }: Claims, { clockSkewMs }: ClaimRules): number {
  return typeof exp === "number" ? (Math.floor(exp) + 1) * 1000 + clockSkewMs : Number.POSITIVE_INFINITY;
}

type Time = number | null | undefined;

function isTime(value: unknown): value is Time {
  return !isSet(value) || typeof value === "number";
}

function isSet<T>(value: T): value is NonNullable<T> {
  return value !== undefined && value !== null;
}

type Audience = string | readonly string[] | null | undefined;

function isAudience(value: unknown): value is Audience {
  if (!isSet(value) || typeof value === "string") return true;
  return Array.isArray(value) && value.every((entry) => typeof entry === "string");
}

function isFor(named: Audience, audience: readonly string[]): boolean {
  if (audience.length === 0 || !isSet(named)) return true;
  if (typeof named === "string") return audience.includes(named);
  return named.length === 0 || named.some((entry) => audience.includes(entry));
}
