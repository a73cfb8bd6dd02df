import { HotpathError } from "../../errors.ts";
import { ConnectionLostError } from "../pool/index.ts";

/**
 * Whether a read that failed on a replica may succeed elsewhere. Not what the request itself is to blame for: such would fail twice at
 * twice the cost.
 *
 * Classes: connection (08), feature not supported, as some are in recovery (0A), transaction state (25), role (28), recovery conflict and
 * rollback (40), unknown object, which may not have been replayed yet (42, 3F), resources (53), recovery in progress (55), operator
 * intervention but for a statement timeout (57), system and data corruption (58, XX).
 */
export function mayWorkElsewhere(error: unknown): boolean {
  // A pool that is full says nothing against the server, and what it cannot take would be too much for the next one as well.
  if (error instanceof HotpathError) return isUnreachable(error);
  const code = codeOf(error);
  return code !== "57014" && /^(?:08|0A|25|28|3F|40|42|53|55|57|58|XX)/.test(code);
}

/** Whether the server, and not the statement, is at fault. */
export function isServersFault(error: unknown): boolean {
  return error instanceof HotpathError || /^(?:08|53|57|58|XX)/.test(codeOf(error));
}

/** Whether nothing of a write can have taken effect, because it never reached a server that writes. */
export function wasNotExecuted(error: unknown): boolean {
  if (error instanceof ConnectionLostError) return !error.mayHaveExecuted;
  return error instanceof HotpathError ? isUnreachable(error) : isRefusedByStandby(error);
}

/**
 * What a standby says to a write: "cannot execute … in a read-only transaction", "cannot set transaction read-write mode during recovery",
 * "recovery is in progress". A primary may say the same for other reasons; an error of the server undoes the transaction either way.
 */
export function isRefusedByStandby(error: unknown): boolean {
  return /^(?:25006|0A000|55000)$/.test(codeOf(error));
}

function isUnreachable({ code }: HotpathError): boolean {
  return code === "HP_DATABASE_UNREACHABLE" || code === "HP_DATABASE_REFUSED";
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";
}
