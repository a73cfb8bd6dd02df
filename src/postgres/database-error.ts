import { HotpathError } from "../errors.ts";
import { isToken } from "../http/syntax.ts";
import { DialectError } from "./dialect-error.ts";
import { toFieldText } from "./field-text.ts";

/** The fields of an error report of PostgreSQL that the dialect passes on (protocol, "Error and Notice Message Fields"). */
interface ServerReport {
  readonly code: string;
  readonly message: string;
  readonly detail?: string | undefined;
  readonly hint?: string | undefined;
}

/**
 * What the dialect answers for an error of the database, the pool or ourselves; undefined for what is none of these.
 *
 * @param isAuthenticated the request carried a valid token: lacking a privilege is then 403 rather than 401.
 */
export function toDialectError(error: unknown, isAuthenticated: boolean): DialectError | undefined {
  if (error instanceof DialectError) return error;
  if (error instanceof HotpathError) return fromPool(error);
  return isServerReport(error) ? fromServer(error, isAuthenticated) : undefined;
}

function fromPool(error: HotpathError): DialectError | undefined {
  if (error.code === "HP_POOL_TIMEOUT") {
    return new DialectError("PGRST003", 504, "Timed out acquiring connection from connection pool.", {
      details: error.message,
      hint: error.todo,
    });
  }
  if (error.code === "HP_NO_PRIMARY") {
    return new DialectError("PGRST000", 503, "Database connection error. Retrying the connection.", {
      details: error.message,
      hint: error.todo,
      headers: error.headers,
      cause: error,
    });
  }
  if (error.code === "HP_DATABASE_UNREACHABLE" || error.code === "HP_DATABASE_REFUSED") {
    // Which host and why is for the log alone.
    return new DialectError("PGRST000", 503, "Database connection error. Retrying the connection.", {
      headers: { "retry-after": "1" },
      cause: error,
    });
  }
  return undefined;
}

function isServerReport(error: unknown): error is ServerReport {
  return error instanceof Error && "severity" in error && "code" in error && typeof error.code === "string";
}

function fromServer(report: ServerReport, isAuthenticated: boolean): DialectError {
  if (report.code === "PGRST") return fromRaised(report);
  const status = statusOf(report, isAuthenticated);
  const custom = /^PT(\d{3})$/.exec(report.code) !== null;
  return new DialectError(report.code, status, report.message, {
    details: report.detail,
    hint: report.hint,
    ...(status === 401 ? { headers: { "www-authenticate": "Bearer" } } : {}),
    ...(custom ? { statusText: report.message } : {}),
  });
}

/** Statuses by SQLSTATE, exact codes before classes (PostgREST 14, "HTTP Status Codes"). */
const BY_CODE: Readonly<Record<string, number>> = {
  "23503": 409,
  "23505": 409,
  "25006": 405,
  "53400": 500,
  "57P01": 503,
  P0001: 400,
  "42P01": 404,
  "42P17": 500,
};

const BY_CLASS: Readonly<Record<string, number>> = {
  "08": 503,
  "09": 500,
  "0L": 403,
  "0P": 403,
  "25": 500,
  "28": 403,
  "2D": 500,
  "38": 500,
  "39": 500,
  "3B": 500,
  "40": 500,
  "53": 503,
  "55": 500,
  "57": 500,
  "58": 500,
  F0: 500,
  HV: 500,
  P0: 500,
  XX: 500,
};

function statusOf({ code, message }: ServerReport, isAuthenticated: boolean): number {
  if (code === "42501") return isAuthenticated ? 403 : 401;
  if (code === "42883") return message.startsWith("function xmlagg(") ? 406 : 404;
  if (code === "21000") return message.endsWith("requires a WHERE clause") ? 400 : 500;
  if (code === "22023") return /^role .* does not exist$/s.test(message) ? 401 : 400;
  const custom = /^PT(\d{3})$/.exec(code)?.[1];
  if (custom !== undefined) return validStatus(Number(custom));
  if (code.startsWith("PT")) return 500;
  return BY_CODE[code] ?? BY_CLASS[code.slice(0, 2)] ?? 400;
}

/** `raise sqlstate 'PGRST'`: message and detail are JSON that says what to answer. */
function fromRaised(report: ServerReport): DialectError {
  const message = parseObject(report.message);
  if (typeof message?.["code"] !== "string" || typeof message["message"] !== "string") {
    return raisedBadly(
      `Invalid JSON value for MESSAGE: '${report.message}'`,
      "MESSAGE must be a JSON object with obligatory keys: 'code', 'message' and optional keys: 'details', 'hint'.",
    );
  }
  const detail = report.detail === undefined ? undefined : parseObject(report.detail);
  if (typeof detail?.["status"] !== "number" || !isTexts(detail["headers"])) {
    return raisedBadly(
      report.detail === undefined
        ? "DETAIL is missing in the RAISE statement"
        : `Invalid JSON value for DETAIL: '${report.detail}'`,
      "DETAIL must be a JSON object with obligatory keys: 'status', 'headers' and optional key: 'status_text'.",
    );
  }
  const headers = Object.entries(detail["headers"]).map(
    ([name, value]) => [name.toLowerCase(), toFieldText(value)] as const,
  );
  return new DialectError(message["code"], validStatus(detail["status"]), message["message"], {
    details: message["details"],
    hint: typeof message["hint"] === "string" ? message["hint"] : null,
    headers: Object.fromEntries(headers),
    ...(typeof detail["status_text"] === "string" ? { statusText: detail["status_text"] } : {}),
  });
}

function raisedBadly(details: string, hint: string): DialectError {
  return new DialectError("PGRST121", 500, `Could not parse JSON in the "RAISE SQLSTATE 'PGRST'" error`, {
    details,
    hint,
  });
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function isTexts(value: unknown): value is Record<string, string> {
  if (typeof value !== "object" || value === null) return false;
  return Object.entries(value).every(([name, text]) => isToken(name) && typeof text === "string");
}

/** A database function may ask for any number; only those that HTTP knows can be sent. */
function validStatus(status: number): number {
  return Number.isInteger(status) && status >= 200 && status <= 599 ? status : 500;
}
