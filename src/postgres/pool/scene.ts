import { HotpathError } from "../../errors.ts";
import { createStatement } from "./statement.ts";
import type { Command, PoolSettings } from "./types.ts";

/**
 * What transactions are told at their beginning where connections cannot be told at theirs: a pooler gives each transaction another
 * connection, and refuses start-up parameters, as the next client would find them set.
 */
export interface Scene {
  readonly reads: Command;
  /** Those that write, and those that say themselves whether they do. */
  readonly others: Command;
}

/** The scene that a pool's start-up parameters come to. */
export function createScene({ startup = {}, statementTimeoutMs }: PoolSettings): Scene {
  const settings = Object.entries(startup).filter(([name]) => name !== READ_ONLY);
  if (statementTimeoutMs !== null) settings.push(["statement_timeout", String(statementTimeoutMs)]);
  const others = toCommand(settings);
  return {
    reads: startup[READ_ONLY] === "on" ? toCommand([...settings, ["transaction_read_only", "on"]]) : others,
    others,
  };
}

/** Whether a pooler is in front that takes no start-up parameters (PgBouncer, "ignore_startup_parameters"). */
export function isPoolerRefusal(error: unknown): boolean {
  if (!(error instanceof HotpathError) || !(error.cause instanceof Error)) return false;
  return (
    "code" in error.cause && error.cause.code === PROTOCOL_VIOLATION && /startup parameter/.test(error.cause.message)
  );
}

/** The place for a scene among a call's commands: behind the one that begins a transaction, before others; -1: a transaction goes on. */
export function placeOfScene([first]: readonly Command[], isSession: boolean): number {
  if (!isSession) return 0;
  return first !== undefined && /^begin\b/i.test(first.statement.text) ? 1 : -1;
}

function toCommand(settings: readonly (readonly [name: string, value: string])[]): Command {
  const parts = settings.map(([name], index) => `pg_catalog.set_config('${name}', $${index + 1}, true)`);
  return { statement: createStatement(`SELECT ${parts.join(", ")}`), values: settings.map(([, value]) => value) };
}

const READ_ONLY = "default_transaction_read_only";
const PROTOCOL_VIOLATION = "08P01";
