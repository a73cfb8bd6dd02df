import { SqlError } from "../../api/database.ts";
import { type ErrorCode, HotpathError } from "../../errors.ts";
import { DialectError } from "../dialect-error.ts";

/**
 * What a route is told of a failure: never more than a client may know, since a route that does not catch it answers with it. Failures
 * that are none of the database's come back as they are.
 */
export function toSqlError(error: unknown): unknown {
  // Who may not ask, in the dialect's words.
  if (error instanceof DialectError) {
    const code =
      error.status === 503 ? "HP_UNAVAILABLE" : error.status >= 500 ? "HP_INTERNAL" : "HP_CREDENTIALS_MISSING";
    return new HotpathError(code, error.message, { cause: error, headers: error.headers });
  }
  if (!(error instanceof Error) || !("severity" in error) || !("code" in error)) return error;
  const sqlState = String(error.code);
  const constraint = "constraint" in error && typeof error.constraint === "string" ? error.constraint : undefined;
  const [code, message] = outcomeOf(sqlState);
  return new SqlError(code, message, { sqlState, constraint, cause: error });
}

function outcomeOf(sqlState: string): readonly [ErrorCode, string] {
  return BY_STATE[sqlState] ?? BY_CLASS[sqlState.slice(0, 2)] ?? FAILED;
}

const FAILED = ["HP_SQL_FAILED", "A statement failed."] as const;
const BUSY = ["HP_SQL_BUSY", "The database could not carry this out now."] as const;

/** By SQLSTATE, exact codes before classes. */
const BY_STATE: Readonly<Record<string, readonly [ErrorCode, string]>> = {
  "23502": ["HP_SQL_VALUE", "A value is missing."],
  "23514": ["HP_SQL_VALUE", "A value is not allowed."],
  "42501": ["HP_SQL_REFUSED", "This is not permitted."],
  "57014": ["HP_DEADLINE", "The database did not answer in time."],
};

const BY_CLASS: Readonly<Record<string, readonly [ErrorCode, string]>> = {
  "22": ["HP_SQL_VALUE", "A value is not of the form or range that is needed."],
  "23": ["HP_SQL_CONFLICT", "This conflicts with what is stored."],
  "40": BUSY,
  "53": BUSY,
  "55": BUSY,
  "57": BUSY,
};
