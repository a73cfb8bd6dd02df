import type { SourceReply } from "../api/source.ts";
import { type Idempotency, type IdempotencyGuard, RepeatedReply } from "./idempotency/index.ts";
import type { Command, CommandResult } from "./pool/index.ts";
import type { TransactionMode } from "./run-transaction.ts";
import type { WriteCondition } from "./write-condition.ts";

/** A write on its way: how it is run, and how it is answered. */
export interface GuardedWrite {
  readonly commands: readonly Command[];
  readonly mode: TransactionMode;
  readonly run: (commands: readonly Command[], mode: TransactionMode) => Promise<readonly CommandResult[]>;
  /** Makes the reply of the commands' results. */
  readonly answer: (results: readonly CommandResult[]) => SourceReply;
  readonly idempotency: Idempotency;
  /** Absent for a request without a key. */
  readonly key: IdempotencyGuard | undefined;
  /** Absent for a request without conditions. */
  readonly condition: WriteCondition | undefined;
}

/** Rows that change under a condition are read and judged once more, so many times in all. */
const MAX_ATTEMPTS = 3;
const SERIALIZATION_FAILURE = "40001";
/** Undefined table, and a schema that is not there. */
const NO_TABLE: ReadonlySet<unknown> = new Set(["42P01", "3F000"]);

/** Carries out a write, held against its condition and under its key where it has them, and answers it. */
export function runGuarded(write: GuardedWrite): Promise<SourceReply> {
  const { key, condition, commands, mode, run, answer } = write;
  if (key !== undefined || condition !== undefined) return runRepeatedly(write);
  // With nothing but a commit before it the write may travel with others.
  return run(commands, mode).then(answer);
}

async function runRepeatedly(write: GuardedWrite): Promise<SourceReply> {
  const { key, condition } = write;
  let hasCreated = false;
  for (let attempt = 1; ; attempt++) {
    try {
      return await runOnce(write);
    } catch (error) {
      if (error instanceof RepeatedReply) return error.reply;
      const code = error instanceof Error && "code" in error ? error.code : undefined;
      if (key !== undefined && !key.hasLooked && NO_TABLE.has(code) && !hasCreated) {
        hasCreated = true;
        await write.idempotency.createTable();
      } else if (condition === undefined || code !== SERIALIZATION_FAILURE || attempt >= MAX_ATTEMPTS) {
        throw error;
      }
    }
  }
}

async function runOnce({ key, condition, commands, mode, run, answer }: GuardedWrite): Promise<SourceReply> {
  let reply: SourceReply | undefined;
  await run(condition?.commands ?? commands, {
    access: mode.access,
    end: mode.end,
    isolation: mode.isolation,
    // What changes between the look and the write makes the write fail.
    isStable: condition !== undefined,
    ...(key === undefined ? {} : { before: key.before }),
    async proceed(first, step) {
      let results = first;
      if (condition !== undefined) {
        condition.hold(first);
        results = await step([...commands, ...condition.commands]);
      }
      const own = results.slice(0, commands.length);
      mode.check?.(own);
      reply = answer(own);
      const tag = condition?.tagOf(results.slice(commands.length));
      if (tag !== undefined) reply.headers["etag"] = tag;
      return key?.store(reply) ?? [];
    },
  });
  if (reply === undefined) throw new Error("the transaction ended before the write");
  return reply;
}
