export { ConnectionLostError } from "./errors.ts";
export { createPool } from "./pool.ts";
export type { PoolEvents } from "./pool.ts";
export { createStatement, unnamedStatement, variantOf } from "./statement.ts";
export type {
  Command,
  CommandResult,
  Listener,
  Pool,
  PoolSettings,
  PoolStats,
  RunOptions,
  Session,
  Statement,
} from "./types.ts";
