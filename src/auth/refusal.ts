import { type ErrorCode, HotpathError } from "../errors.ts";

/** Why credentials count for nothing. What their verification answers in place of an identity, and never a secret. */
export class CredentialsRefused extends HotpathError {
  /** Beyond the message, for whoever looks for the cause. */
  readonly details: string | null;

  constructor(
    code: RefusalCode,
    message: string,
    headers: Readonly<Record<string, string>>,
    details: string | null = null,
  ) {
    super(code, message, { headers });
    this.details = details;
  }
}

export type RefusalCode = Extract<ErrorCode, `HP_JWT_${string}` | `HP_API_KEY_${string}` | `HP_CREDENTIALS_${string}`>;

/** A token that is none, or that no key of ours has signed (RFC 6750 section 3.1). */
export function invalidToken(message: string, details: string | null = null): CredentialsRefused {
  return new CredentialsRefused("HP_JWT_INVALID", message, bearerError(message), details);
}

/** A token that is genuine, but not for us or not for now. */
export function refusedToken(message: string): CredentialsRefused {
  return new CredentialsRefused("HP_JWT_REFUSED", message, bearerError(message));
}

/** A token that may be genuine: the keys that would tell cannot be had at the moment. */
export function unverifiableToken(): CredentialsRefused {
  return new CredentialsRefused("HP_JWT_UNVERIFIABLE", "The keys that tokens are verified with cannot be fetched.", {
    "retry-after": "10",
  });
}

/** Messages are our own, so they need no escaping but for what they quote. */
function bearerError(message: string): Readonly<Record<string, string>> {
  const description = message.replaceAll(/["\\]/g, "\\$&");
  return { "www-authenticate": `Bearer error="invalid_token", error_description="${description}"` };
}
