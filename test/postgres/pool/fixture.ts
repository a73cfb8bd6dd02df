import { setTimeout as delay } from "node:timers/promises";
import type { BatchEvents } from "../../../src/postgres/batch/batches.ts";
import {
  type Command,
  createPool,
  createStatement,
  type Pool,
  type PoolSettings,
  unnamedStatement,
} from "../../../src/postgres/pool/index.ts";
import { defer, type TestScope } from "../../support/defer.ts";

/** Settings under which nothing happens by time alone. */
export const CALM: Omit<PoolSettings, "url"> = {
  max: 4,
  minIdle: 0,
  maxWaiting: 10_000,
  acquireTimeoutMs: 10_000,
  idleTimeoutMs: 600_000,
  maxLifetimeMs: 600_000,
  maxLifetimeJitterMs: 0,
  connectTimeoutMs: 5000,
  statementTimeoutMs: 20_000,
  leakWarningMs: null,
  maxPipelineDepth: 16,
  maxBatch: 64,
  preparedStatements: true,
};

export interface LogLine {
  readonly level: string;
  readonly details: Record<string, unknown>;
  readonly message: string;
}

/** A pool that is closed when the test has ended, and what it logged. */
export function testPool(
  t: TestScope,
  url: string,
  settings: Partial<PoolSettings> = {},
  events?: BatchEvents,
): { pool: Pool; lines: LogLine[] } {
  const lines: LogLine[] = [];
  const level = (name: string) => (details: object, message: string) => {
    lines.push({ level: name, details: { ...details }, message });
  };
  const log = { debug: level("debug"), info: level("info"), warn: level("warn"), error: level("error") };
  const pool = createPool({ ...CALM, url, ...settings }, log, events);
  defer(t, () => pool.close());
  return { pool, lines };
}

/** A command that each connection prepares once. */
export function command(text: string, ...values: (string | null)[]): Command {
  return { statement: createStatement(text), values };
}

/** A command that is parsed each time. */
export function unprepared(text: string, ...values: (string | null)[]): Command {
  return { statement: unnamedStatement(text), values };
}

/** The only field of the only row of the only command. */
export async function scalar(
  pool: Pick<Pool, "run">,
  text: string,
  ...values: (string | null)[]
): Promise<string | null> {
  const [result] = await pool.run([command(text, ...values)]);
  return result?.rows[0]?.[0] ?? null;
}

/** Waits until the condition holds; the limit is for a machine that is busy. */
export async function until(condition: () => boolean | Promise<boolean>, what: string, limitMs = 8000): Promise<void> {
  const end = performance.now() + limitMs;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`Waited in vain until ${what}.`);
    await delay(5);
  }
}

/** The error a promise rejects with. */
export async function failureOf(promise: Promise<unknown>): Promise<Error & Record<string, unknown>> {
  try {
    await promise;
  } catch (error) {
    return error as Error & Record<string, unknown>;
  }
  throw new Error("It did not fail.");
}
