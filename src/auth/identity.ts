import { hash } from "node:crypto";
import { parseExactJson } from "../content/exact-json.ts";

/** Who asks, as far as it was verified. */
export interface Identity {
  /** How they showed it: by a token (JWT), by an API key, or not at all. */
  readonly kind: "anonymous" | "token" | "key";
  /** The token's `sub`, or the name of the API key. */
  readonly subject: string | null;
  /** The role that the credentials name. */
  readonly role: string | null;
  /** What is said of them, `role` included. */
  readonly claims: Claims;
  /** The same as JSON; its numbers have all the digits they came with. */
  readonly claimsText: string;
  /**
   * The same text for two requests exactly if role and claims are the same: whatever is kept for one of them may serve the
   * other. Empty for the anonymous. Holds neither spaces nor anything personal.
   */
  readonly key: string;
  /** When the credentials end, in milliseconds since the epoch; infinite where they do not. */
  readonly validUntilMs: number;
}

export type Claims = Readonly<Record<string, unknown>>;

/** Those who show nothing. */
export const ANONYMOUS: Identity = Object.freeze({
  kind: "anonymous",
  subject: null,
  role: null,
  claims: Object.freeze({}),
  claimsText: "{}",
  key: "",
  validUntilMs: Number.POSITIVE_INFINITY,
});

/** What makes an identity. */
export interface Credentials {
  readonly kind: "token" | "key";
  readonly subject: string | null;
  /** Takes the place of the claim of that name. */
  readonly role: string | null;
  /** A JSON object. */
  readonly claimsText: string;
  readonly validUntilMs: number;
}

/** Makes the identity of verified credentials. */
export function createIdentity({ kind, subject, role, claimsText: given, validUntilMs }: Credentials): Identity {
  const claimsText = withRole(given, role);
  // A digest: keys stand in stores and their logs, and claims may be personal.
  const key = hash("sha256", `${kind} ${JSON.stringify(role)} ${claimsText}`, "base64url");
  const claims = Object.freeze(JSON.parse(claimsText) as Claims);
  return Object.freeze({ kind, subject, role, claims, claimsText, key, validUntilMs });
}

/** The claims of somebody who is given a role that their credentials do not name. */
export function claimsTextWithRole(identity: Identity, role: string): string {
  let given = rolesGiven.get(identity);
  if (given?.role !== role) rolesGiven.set(identity, (given = { role, text: withRole(identity.claimsText, role) }));
  return given.text;
}

/** A source gives all of them the same role. */
const rolesGiven = new WeakMap<Identity, { readonly role: string; readonly text: string }>();

/** Written anew, so that no name stands in it twice for readers to disagree about. */
function withRole(claimsText: string, role: string | null): string {
  const claims = parseExactJson(claimsText) as Claims;
  return JSON.stringify(role === null ? claims : { ...claims, role });
}
