import type { ErrorVerbosity } from "../api/settings.ts";

/**
 * An error in the shape of the dialect: `{code, details, hint, message}` with a status
 * (PostgREST 14, "Errors"). Codes, texts and statuses are its public interface.
 */
export class DialectError extends Error {
  override readonly name = "DialectError";
  readonly code: string;
  readonly status: number;
  /** A text, or JSON where the dialect answers a list. */
  readonly details: unknown;
  readonly hint: string | null;
  readonly headers: Readonly<Record<string, string>>;
  /** Reason phrase, where a database function chose one. */
  readonly statusText: string | undefined;

  constructor(
    code: string,
    status: number,
    message: string,
    rest: {
      readonly details?: unknown;
      readonly hint?: string | null | undefined;
      readonly headers?: Readonly<Record<string, string>>;
      readonly statusText?: string | undefined;
      readonly cause?: unknown;
    } = {},
  ) {
    super(message, rest.cause === undefined ? undefined : { cause: rest.cause });
    this.code = code;
    this.status = status;
    this.details = rest.details ?? null;
    this.hint = rest.hint ?? null;
    this.headers = rest.headers ?? {};
    this.statusText = rest.statusText;
  }

  /** The reply's content; `minimal` keeps what the database knows of the rows to the log. */
  toJson(verbosity: ErrorVerbosity = "verbose"): string {
    if (verbosity === "minimal") return JSON.stringify({ code: this.code, message: this.message });
    return JSON.stringify({ code: this.code, details: this.details, hint: this.hint, message: this.message });
  }
}
