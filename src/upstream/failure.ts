import { HotpathError } from "../errors.ts";

/** How an exchange with an upstream failed, for whoever decides on a retry and on the address's health. */
export class UpstreamFailure extends HotpathError {
  readonly kind: FailureKind;
  /** Nothing of the request had been written: sending it again cannot do anything twice. */
  readonly isUnsent: boolean;

  constructor(kind: FailureKind, isUnsent: boolean, message: string, cause?: unknown) {
    super(CODES[kind], message, { cause });
    this.kind = kind;
    this.isUnsent = isUnsent;
  }
}

/**
 * `connect`: no connection. `broken`: it ended before the reply did. `invalid`: what came is no proper reply.
 * `large`: it is larger than allowed. `late`: it took longer than allowed.
 */
export type FailureKind = "connect" | "broken" | "invalid" | "large" | "late";

const CODES = {
  connect: "HP_UPSTREAM_UNREACHABLE",
  broken: "HP_UPSTREAM_INVALID",
  invalid: "HP_UPSTREAM_INVALID",
  large: "HP_UPSTREAM_TOO_LARGE",
  late: "HP_UPSTREAM_TIMEOUT",
} as const satisfies Record<FailureKind, string>;

/** What a client is told: never an address. */
const MESSAGES: Readonly<Record<FailureKind, string>> = {
  connect: "The upstream cannot be reached.",
  broken: "The upstream broke off its reply.",
  invalid: "The upstream's reply is not well-formed.",
  large: "The upstream's reply is larger than allowed.",
  late: "The upstream took too long.",
};

/** The failure of a kind. */
export function failureOf(kind: FailureKind, isUnsent = false, cause?: unknown): UpstreamFailure {
  return new UpstreamFailure(kind, isUnsent, MESSAGES[kind], cause);
}

/**
 * What an error of the HTTP client means.
 *
 * @param wasSent whether the request had begun to be written
 */
export function toUpstreamFailure(error: unknown, wasSent: boolean): HotpathError {
  if (error instanceof HotpathError) return error;
  if (error instanceof Error && "code" in error && error.code === "UND_ERR_INVALID_ARG") {
    return new HotpathError("HP_BAD_REQUEST", "The request cannot be passed on as it is.", { cause: error });
  }
  return failureOf(kindOf(error, wasSent), !wasSent, error);
}

function kindOf(error: unknown, wasSent: boolean): FailureKind {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  switch (code) {
    case "UND_ERR_CONNECT_TIMEOUT":
    case "UND_ERR_HEADERS_TIMEOUT":
    case "UND_ERR_BODY_TIMEOUT":
      return "late";
    case "UND_ERR_HEADERS_OVERFLOW":
    case "UND_ERR_RES_EXCEEDED_MAX_SIZE":
      return "large";
    case "UND_ERR_RES_CONTENT_LENGTH_MISMATCH":
      return "broken";
    default:
  }
  if (!wasSent) return "connect";
  return code.startsWith("HPE_") || isBadReply(error) ? "invalid" : "broken";
}

/** undici has no code of its own for replies that come unasked, and for status 100 and 101 where they do not belong. */
function isBadReply(error: unknown): boolean {
  return error instanceof Error && (error.message === "bad response" || error.message === "bad upgrade");
}
