import { DatabaseError } from "pg";
import { HotpathError } from "../../errors.ts";

/** The connection broke under a call that had been sent. Code `HP_DATABASE_UNREACHABLE`. */
export class ConnectionLostError extends HotpathError {
  /** Whether the server may have carried the call out. `false`: it certainly did not. */
  readonly mayHaveExecuted: boolean;

  constructor(mayHaveExecuted: boolean, cause: unknown) {
    const outcome = mayHaveExecuted ? "The call may have been executed." : "The call was not executed.";
    super("HP_DATABASE_UNREACHABLE", `The connection to the database was lost. ${outcome}`, { cause });
    this.mayHaveExecuted = mayHaveExecuted;
  }
}

/** Where a client connects to, for messages: never the URL, which holds the password. */
export interface Target {
  readonly host: string;
  readonly port: number;
  readonly user?: string | undefined;
  readonly database?: string | undefined;
}

/** Says whether trying to connect again can help (`HP_DATABASE_UNREACHABLE`) or not (`HP_DATABASE_REFUSED`). */
export function connectError(error: unknown, target: Target): HotpathError {
  const place = `database "${target.database ?? ""}" at ${target.host}:${target.port}`;
  if (isRefusal(error)) {
    const message = `Connecting to ${place} as "${target.user ?? ""}" was refused: ${reasonOf(error)}`;
    return new HotpathError("HP_DATABASE_REFUSED", message, { cause: error });
  }
  const message = `Cannot connect to ${place}: ${reasonOf(error)}`;
  return new HotpathError("HP_DATABASE_UNREACHABLE", message, { cause: error, headers: { "retry-after": "1" } });
}

/** Authorization, no such database, no right to it, a start-up parameter the server does not take. */
const REFUSALS = new Set(["3D000", "42501", "22023", "42704"]);

function isRefusal(error: unknown): boolean {
  if (error instanceof DatabaseError) {
    return error.code !== undefined && (error.code.startsWith("28") || REFUSALS.has(error.code));
  }
  if (!(error instanceof Error)) return false;
  return (
    /^SASL|does not support SSL|^Password must be/.test(error.message) ||
    /CERT|SIGNATURE|ERR_TLS|ERR_SSL/.test(codeOf(error))
  );
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return "unknown reason";
  // Several addresses tried: the message is empty.
  return error.message || codeOf(error) || error.name;
}

function codeOf(error: Error): string {
  return "code" in error && typeof error.code === "string" ? error.code : "";
}
