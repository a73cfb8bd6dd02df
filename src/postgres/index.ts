export { createPostgresSource } from "./source.ts";
export { createPool } from "./pool/index.ts";
export type { Command, CommandResult, Pool, PoolSettings, PoolStats, Session, Statement } from "./pool/index.ts";
