import type { Isolation } from "../catalog/role-settings.ts";
import type { Routine } from "../catalog/types.ts";
import type { Setting } from "../transaction.ts";

/** What a function's own `set` clauses mean for the transaction that it is called in. */
export interface HoistedSettings {
  readonly isolation: Isolation | undefined;
  readonly settings: readonly Setting[];
}

const ISOLATION = "default_transaction_isolation";

/**
 * Takes settings of a function for its whole transaction: some, such as a timeout, do nothing when they are made once the
 * statement runs (PostgREST 14, "Function Settings").
 *
 * @param hoisted names of the settings that may be.
 */
export function hoistSettings(routine: Routine, hoisted: readonly string[]): HoistedSettings {
  const settings = routine.settings.filter(([name]) => hoisted.includes(name));
  const isolation = settings.find(([name]) => name === ISOLATION)?.[1].toLowerCase();
  return {
    isolation: ISOLATIONS.find((level) => level === isolation),
    settings: settings.filter(([name]) => name !== ISOLATION),
  };
}

/** PostgreSQL treats its fourth level, `read uncommitted`, as the first of these, which is its default. */
const ISOLATIONS: readonly Isolation[] = ["read committed", "repeatable read", "serializable"];
