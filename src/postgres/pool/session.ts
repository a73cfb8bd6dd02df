import type { Log } from "../../api/source.ts";
import { HotpathError } from "../../errors.ts";
import { Call, type CallCounts, watch } from "./call.ts";
import type { PipelinedConnection } from "./connection.ts";
import { ConnectionLostError } from "./errors.ts";
import { problemOf, unnamedStatement } from "./statement.ts";
import type { Command, CommandResult, RunOptions, Session } from "./types.ts";
import type { Waiting } from "../../waiting-list.ts";

/** A caller who waits for a connection of their own. */
export class SessionRequest implements Waiting<SessionRequest> {
  readonly since = performance.now();
  previous: SessionRequest | undefined = undefined;
  next: SessionRequest | undefined = undefined;
  isWaiting = false;
  unwatch: (() => void) | undefined = undefined;
  /** Where the caller asked, for the leak warning. */
  readonly stack: string | undefined;
  readonly #resolve: (session: Session) => void;
  readonly #reject: (reason: unknown) => void;

  constructor(resolve: (session: Session) => void, reject: (reason: unknown) => void, stack: string | undefined) {
    this.#resolve = resolve;
    this.#reject = reject;
    this.stack = stack;
  }

  succeed(session: Session): void {
    this.unwatch?.();
    this.#resolve(session);
  }

  fail(reason: unknown): void {
    this.unwatch?.();
    this.#reject(reason);
  }
}

/** A session that has not been released, as the pool watches it. */
export interface Lease {
  readonly since: number;
  readonly stack: string | undefined;
  isReported: boolean;
}

export interface SessionHooks {
  readonly log: Log;
  readonly counts: CallCounts;
  /** The connection is free of the session. */
  released(): void;
}

/** Hands a connection, already marked exclusive, to one caller. */
export function createSession(connection: PipelinedConnection, hooks: SessionHooks): Session {
  const underWay = new Set<Promise<unknown>>();
  let release: Promise<void> | undefined;

  return {
    run(commands, options) {
      if (release !== undefined) {
        return Promise.reject(new HotpathError("HP_INTERNAL", "The session was released; acquire another."));
      }
      return run(commands, options);
    },
    rollBack,
    release() {
      release ??= finish();
    },
    async [Symbol.asyncDispose]() {
      await (release ??= finish());
    },
  };

  function run(commands: readonly Command[], options: RunOptions = {}): Promise<readonly CommandResult[]> {
    const problem = problemOf(commands, false);
    if (problem !== undefined) return Promise.reject(new HotpathError("HP_INTERNAL", problem));
    if (commands.length === 0) return Promise.resolve([]);
    const answer = new Promise<readonly CommandResult[]>((resolve, reject) => {
      const call = new Call(commands, hooks.counts, resolve, reject);
      if (options.signal?.aborted) {
        call.fail(options.signal.reason);
        return;
      }
      call.timeoutMs = options.timeoutMs ?? 0;
      call.unwatch = watch(options, (reason) => {
        call.fail(reason);
        connection.abandon(call);
      });
      // A cancel request for what ran before must not hit this call.
      if (connection.cancelling !== undefined) void connection.cancelling.then(() => send(call));
      else if (connection.reads(call)) send(call);
      else void Promise.all(underWay).then(() => send(call));
    });
    const settled = answer.then(forget, forget);
    underWay.add(settled);
    return answer;

    function forget(): void {
      underWay.delete(settled);
    }
  }

  function send(call: Call): void {
    if (call.isSettled) return;
    if (!connection.isWritable) {
      call.fail(new ConnectionLostError(false, undefined));
      return;
    }
    connection.send(call);
    connection.flush();
  }

  async function settle(): Promise<void> {
    await Promise.all(underWay);
    // Abandoned calls have settled for their callers, not for the connection.
    while (connection.isAlive && connection.load > 0) await run([NOTHING]).catch(ignore);
  }

  async function rollBack(): Promise<void> {
    await settle();
    if (connection.isAlive && connection.isInTransaction) await run([ROLLBACK]).catch(ignore);
  }

  async function finish(): Promise<void> {
    await settle();
    if (connection.isAlive && connection.isInTransaction) {
      hooks.log.warn({}, "A session was released with its transaction open; it is rolled back");
      await rollBack();
    }
    if (connection.isInTransaction) connection.destroy(new Error("A session's transaction could not be rolled back."));
    connection.isExclusive = false;
    hooks.released();
  }
}

const ROLLBACK: Command = { statement: unnamedStatement("rollback"), values: [] };
const NOTHING: Command = { statement: unnamedStatement(""), values: [] };

function ignore(): void {}
