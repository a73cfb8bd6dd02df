import { STATUS_CODES } from "./node-http.ts";
import { ERRORS, type ErrorCode, type HotpathError } from "../errors.ts";
import type { HttpReply } from "./message.ts";

/** Problem details (RFC 9457) as hotpath answers them. */
export interface Problem {
  /** `about:blank`: the status says what kind of problem it is, `code` which one. */
  readonly type: string;
  /** The status's standard phrase. */
  readonly title: string;
  readonly status: number;
  /** What happened. */
  readonly detail: string;
  /** Stable; see docs/errors.md. */
  readonly code: ErrorCode;
  /** What to do about it. */
  readonly todo: string;
}

/**
 * What a client may know of an error. Never a stack or a cause; and of errors that concern the operator (no status in the
 * table, the database's whereabouts, internal ones) only that they happened.
 */
export function toProblem(error: HotpathError): Problem {
  const hidden = isForOperator(error.code);
  return {
    type: "about:blank",
    title: STATUS_CODES[error.status] ?? "Error",
    status: error.status,
    detail: hidden ? "The server could not answer this request." : error.message,
    code: error.code,
    todo: hidden ? ERRORS.HP_UNAVAILABLE.todo : error.todo,
  };
}

/** The reply to a request that failed, as `application/problem+json` with the error's header fields. Not to be stored. */
export function toProblemReply(error: HotpathError): HttpReply {
  return {
    status: error.status,
    headers: {
      "content-type": "application/problem+json",
      "cache-control": "no-store",
      "x-content-type-options": "nosniff",
      ...error.headers,
    },
    body: JSON.stringify(toProblem(error)),
    validate: false,
  };
}

function isForOperator(code: ErrorCode): boolean {
  const entry: { readonly status?: number; readonly todo: string } = ERRORS[code];
  return entry.status === undefined || entry.status === 500 || code.startsWith("HP_DATABASE_");
}
