/** gRPC's codes by number, as Connect spells them (Connect protocol, "Error Codes"). */
export const CODE_NAMES = [
  "ok",
  "canceled",
  "unknown",
  "invalid_argument",
  "deadline_exceeded",
  "not_found",
  "already_exists",
  "permission_denied",
  "resource_exhausted",
  "failed_precondition",
  "aborted",
  "out_of_range",
  "unimplemented",
  "internal",
  "unavailable",
  "data_loss",
  "unauthenticated",
] as const;

/** HTTP status of a Connect error. */
export const CODE_STATUS = [
  200, 499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401,
] as const;

export const UNKNOWN = 2;
export const INVALID_ARGUMENT = 3;
export const DEADLINE_EXCEEDED = 4;
export const NOT_FOUND = 5;
export const ALREADY_EXISTS = 6;
export const FAILED_PRECONDITION = 9;
export const ABORTED = 10;
export const UNIMPLEMENTED = 12;
export const INTERNAL = 13;
export const UNAVAILABLE = 14;

/**
 * gRPC's code for a reply's HTTP status, and the error's own code where that says more.
 *
 * @param details PostgREST's words, which tell none from too many
 */
export function grpcCode(status: number, code: string, details: string): number {
  switch (code) {
    case "PGRST116":
      return /\b0 rows\b/.test(details) ? NOT_FOUND : FAILED_PRECONDITION;
    case "23505":
      return ALREADY_EXISTS;
    case "23503":
    case "23001":
      return FAILED_PRECONDITION;
    case "HP_POOL_TIMEOUT":
      return UNAVAILABLE;
    // gRPC, "Compression": what tells a client that it may try again without.
    case "HP_CONTENT_CODING_UNSUPPORTED":
      return UNIMPLEMENTED;
  }
  return BY_STATUS.get(status) ?? (status >= 500 ? INTERNAL : status < 400 ? UNKNOWN : INVALID_ARGUMENT);
}

const BY_STATUS: ReadonlyMap<number, number> = new Map([
  [401, 16],
  [403, 7],
  [404, NOT_FOUND],
  [405, UNIMPLEMENTED],
  [408, DEADLINE_EXCEEDED],
  [409, ABORTED],
  [412, FAILED_PRECONDITION],
  [413, 8],
  [416, 11],
  [429, 8],
  [499, 1],
  [501, UNIMPLEMENTED],
  [502, UNAVAILABLE],
  [503, UNAVAILABLE],
  [504, DEADLINE_EXCEEDED],
]);
