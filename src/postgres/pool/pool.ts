import type { Log } from "../../api/source.ts";
import { HotpathError } from "../../errors.ts";
import { Batches, type BatchEvents } from "../batch/batches.ts";
import { Call, watch } from "./call.ts";
import type { PipelinedConnection } from "./connection.ts";
import { ConnectionKeeper } from "./keeper.ts";
import { listen } from "./listen.ts";
import { createClient } from "./open.ts";
import { createSession, type Lease, SessionRequest } from "./session.ts";
import { Patience } from "./patience.ts";
import { problemOf } from "./statement.ts";
import type { Command, CommandResult, Listener, Pool, PoolSettings, PoolStats, RunOptions, Session } from "./types.ts";
import { WaitingList } from "../../waiting-list.ts";

/** Makes a pool; nothing connects before `start` or the first call. Throws `HP_OPTION_INVALID` for a URL that cannot be read. */
export function createPool(settings: PoolSettings, log: Log, events: Partial<PoolEvents> = {}): Pool {
  createClient(settings);
  const minIdle = Math.min(settings.minIdle, settings.max);
  return new ConnectionPool({ ...settings, minIdle }, log, { ...UNOBSERVED, ...events });
}

/** Who is told what happens in a pool. */
export interface PoolEvents extends BatchEvents {
  /** A connection has broken; called before any other is opened in its place. */
  lost(): void;
}

const UNOBSERVED: PoolEvents = { lost() {}, shared() {}, split() {} };

/** Most calls are over before this, and then nothing was made or listened to for them. */
const LATE_MS = 25;
/** Quick calls that one packet carries at most, so that many callers still spread over the server's processors. */
const MAX_TOGETHER = 16;
/** A pipeline that has not moved for so long is not joined, whatever its statements were known for. */
const JOINABLE_MS = 1;

/** Calls that find a connection are sent at the end of the turn they came in. */
const SATURATED_MS = 10;

class ConnectionPool implements Pool {
  readonly #settings: PoolSettings;
  readonly #log: Log;
  readonly #keeper: ConnectionKeeper;
  readonly #batches: Batches;
  readonly #calls = new WaitingList<Call>();
  readonly #requests = new WaitingList<SessionRequest>();
  readonly #patience: Patience;
  readonly #leases = new Set<Lease>();
  readonly #listeners = new Set<Listener>();
  readonly #counts = { calls: 0, errors: 0, acquireTimeouts: 0, retried: 0, leakWarnings: 0 };
  /** Connections with calls that are not flushed. */
  readonly #written: PipelinedConnection[] = [];
  #lateTimer: NodeJS.Timeout | undefined;
  #isScheduled = false;
  /** The connection that the call before went to. */
  #last: PipelinedConnection | undefined;
  #maintenance: NodeJS.Timeout | undefined;
  #closing: Promise<void> | undefined;
  #onDrained: (() => void) | undefined;

  constructor(settings: PoolSettings, log: Log, events: PoolEvents) {
    this.#settings = settings;
    this.#log = log;
    this.#batches = new Batches(
      {
        taken: (call) => this.#calls.remove(call),
        retry: (calls) => this.#replay(calls),
        run: (commands) => this.run(commands),
        pipelines: () => this.#keeper.all,
        abandon: (call) => this.#abandon(call, undefined),
      },
      events,
    );
    this.#keeper = new ConnectionKeeper(settings, log, {
      lost: () => events.lost(),
      ready: () => {
        if (this.#calls.size + this.#requests.size > 0 || this.#closing !== undefined) this.#schedule();
      },
      down: () => this.#patience.expire(),
      replay: (calls) => this.#replay(calls),
    });
    this.#patience = new Patience(settings, [this.#calls, this.#requests], {
      outage: () => this.#keeper.outage,
      refused: () => void this.#counts.acquireTimeouts++,
    });
    this.#maintenance = setInterval(() => this.#maintain(), maintenanceInterval(settings));
    this.#maintenance.unref();
  }

  async start(): Promise<void> {
    const failure = await this.#keeper.open();
    if (failure?.code === "HP_DATABASE_REFUSED") {
      await this.close();
      throw failure;
    }
    await this.#keeper.warmUp();
  }

  run(commands: readonly Command[], options?: RunOptions): Promise<readonly CommandResult[]> {
    return new Promise((resolve, reject) => {
      const call = new Call(commands, this.#counts, resolve, reject);
      const refusal = this.#refusal(options);
      const problem = problemOf(commands, true);
      if (refusal !== undefined) {
        call.fail(refusal);
      } else if (problem !== undefined) {
        call.fail(new HotpathError("HP_INTERNAL", problem));
      } else if (commands.length === 0) {
        call.succeed();
      } else {
        if (options !== undefined) {
          call.timeoutMs = options.timeoutMs ?? 0;
          call.isWrite = options.isWrite ?? false;
          call.sequel = options.sequel;
          call.span = options.span;
          call.unwatch = watch(options, (reason) => this.#abandon(call, reason));
          if (options.lateSignal !== undefined) {
            call.lateSignal = options.lateSignal;
            this.#lateTimer ??= setTimeout(() => this.#watchLate(), LATE_MS);
          }
          if (options.batch !== undefined) this.#batches.add(call, options.batch, options.identity ?? "");
        }
        this.#calls.push(call);
        this.#schedule();
      }
    });
  }

  acquire(options: RunOptions = {}): Promise<Session> {
    const stack = this.#settings.leakWarningMs === null ? undefined : new Error("Acquired here").stack;
    return new Promise((resolve, reject) => {
      const request = new SessionRequest(resolve, reject, stack);
      const refusal = this.#refusal(options);
      if (refusal !== undefined) {
        request.fail(refusal);
        return;
      }
      request.unwatch = watch(options, (reason) => {
        this.#requests.remove(request);
        request.fail(reason);
      });
      this.#requests.push(request);
      this.#schedule();
    });
  }

  stats(): PoolStats {
    const { all, idleCount, opening, counts } = this.#keeper;
    let inFlight = 0;
    for (const { load } of all) inFlight += load;
    return {
      max: this.#settings.max,
      total: all.size,
      idle: idleCount,
      busy: all.size - idleCount,
      sessions: this.#leases.size,
      opening,
      waiting: this.#calls.size + this.#requests.size,
      inFlight,
      ...counts,
      ...this.#counts,
    };
  }

  listen(channel: string, onNotify: (payload: string) => void, onListening: () => void): Listener {
    const listener = listen(this.#settings, this.#log, channel, onNotify, onListening);
    this.#listeners.add(listener);
    return {
      close: () => {
        this.#listeners.delete(listener);
        return listener.close();
      },
    };
  }

  isReachable(): boolean {
    const { all, outage, counts } = this.#keeper;
    return all.size > 0 || (outage === undefined && counts.opened > 0);
  }

  isSaturated(): boolean {
    const first = Math.min(this.#calls.first?.since ?? Infinity, this.#requests.first?.since ?? Infinity);
    return performance.now() - first > SATURATED_MS;
  }

  close(): Promise<void> {
    this.#closing ??= this.#shutDown();
    return this.#closing;
  }

  async #shutDown(): Promise<void> {
    clearInterval(this.#maintenance);
    clearTimeout(this.#lateTimer);
    this.#batches.close();
    const listeners = Promise.all([...this.#listeners].map((listener) => listener.close()));
    if (!this.#isDrained) {
      const drained = Promise.withResolvers<void>();
      this.#onDrained = drained.resolve;
      const timer = setTimeout(drained.resolve, DRAIN_MS);
      await drained.promise;
      clearTimeout(timer);
    }
    this.#patience.end(closedError);
    await this.#keeper.close();
    await listeners;
  }

  get #isDrained(): boolean {
    if (this.#calls.size + this.#requests.size + this.#leases.size > 0) return false;
    for (const { load } of this.#keeper.all) if (load > 0) return false;
    return true;
  }

  #refusal({ signal }: RunOptions = {}): unknown {
    if (this.#closing !== undefined) return closedError();
    return signal?.aborted ? signal.reason : undefined;
  }

  /** Everything that arrives in this turn of the event loop is sent together. */
  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => this.#dispatch());
  }

  #dispatch(): void {
    this.#isScheduled = false;
    while (this.#serveNext());
    for (const connection of this.#written) connection.flush();
    this.#written.length = 0;
    this.#provideForSessions();
    this.#keeper.keepWarm();
    this.#patience.refuseOverflow();
    this.#patience.watch();
    if (this.#onDrained !== undefined && this.#isDrained) this.#onDrained();
  }

  /** Serves whoever waits longest among those who can be served. */
  #serveNext(): boolean {
    const request = this.#requests.first;
    const call = this.#calls.first;
    if (request !== undefined && (call === undefined || request.since < call.since)) {
      const free = this.#keeper.takeIdle();
      if (free !== undefined) {
        this.#grant(request, free);
        return true;
      }
    }
    if (call === undefined) return false;
    const connection = this.#joinable(call) ?? this.#keeper.takeIdle(call) ?? this.#busyConnection();
    // One that is never free would be, once nobody is sent to it any more.
    if (connection === undefined || !connection.reads(call)) return false;
    this.#calls.remove(call);
    call.leaves();
    connection.send(this.#batches.gather(call, this.#calls.size > this.#keeper.idleCount));
    this.#last = connection;
    this.#written.push(connection);
    return true;
  }

  /**
   * Quick calls of one turn travel together: one packet each way and one process woken instead of several. Only behind
   * others that are known to be quick; a statement that is new or slow gets a connection of its own while there is one.
   */
  #joinable(call: Call): PipelinedConnection | undefined {
    const last = this.#last;
    if (last === undefined || last.load === 0 || !last.isQuick || !call.isQuick) return undefined;
    if (last.load >= this.#settings.maxPipelineDepth || last.width >= MAX_TOGETHER) return undefined;
    if (performance.now() - last.progressedAt > JOINABLE_MS) return undefined;
    return last.isShareable && last.isWritable && last.suits(call) && last.reads(call) ? last : undefined;
  }

  /**
   * None is free: another is opened while there may be more, and waited for, since a fresh connection answers sooner than one
   * with an unknown statement ahead. At the maximum, connections are shared.
   */
  #busyConnection(): PipelinedConnection | undefined {
    const keeper = this.#keeper;
    while (this.#calls.size + this.#requests.size > keeper.opening && keeper.mayOpen) void keeper.open();
    return keeper.opening > 0 ? undefined : keeper.leastLoaded();
  }

  #provideForSessions(): void {
    const keeper = this.#keeper;
    const needed = this.#requests.size;
    if (needed === 0) return;
    while (needed > keeper.opening && keeper.mayOpen) void keeper.open();
    while (needed > keeper.opening + keeper.reservedCount && keeper.reserve());
  }

  #grant(request: SessionRequest, connection: PipelinedConnection): void {
    this.#requests.remove(request);
    connection.isExclusive = true;
    const lease: Lease = { since: performance.now(), stack: request.stack, isReported: false };
    this.#leases.add(lease);
    const released = (): void => {
      this.#leases.delete(lease);
      if (connection.isAlive) this.#keeper.progressed(connection);
      else this.#schedule();
    };
    request.succeed(createSession(connection, { log: this.#log, counts: this.#counts, released }));
  }

  #replay(calls: readonly Call[]): void {
    this.#counts.retried += calls.length;
    for (const call of calls.toReversed()) this.#calls.unshift(call);
    if (calls.length > 0) this.#schedule();
  }

  #abandon(call: Call, reason: unknown): void {
    this.#calls.remove(call);
    call.fail(reason);
    call.connection?.abandon(call);
    const shared = call.sharedCall;
    if (shared?.batch?.isDeserted) this.#abandon(shared, reason);
  }

  /** Looks through the calls that are waiting or under way; the others, nearly all, are long over and were never listened for. */
  #watchLate(): void {
    this.#lateTimer = undefined;
    const lateSince = performance.now() - LATE_MS;
    let isAnyLeft = false;
    const look = (call: Call): void => {
      if (call.batch !== undefined) for (const member of call.batch.calls) look(member);
      if (call.lateSignal === undefined) return;
      if (call.since > lateSince) isAnyLeft = true;
      else call.watchLate((reason) => this.#abandon(call, reason));
    };
    for (const connection of this.#keeper.all) for (const call of connection.calls.slice()) look(call);
    for (let call = this.#calls.first; call !== undefined;) {
      // Leaving takes it out of the list.
      const { next } = call;
      look(call);
      call = next;
    }
    if (isAnyLeft) this.#lateTimer = setTimeout(() => this.#watchLate(), LATE_MS);
  }

  #maintain(): void {
    this.#keeper.maintain();
    const { leakWarningMs } = this.#settings;
    if (leakWarningMs === null) return;
    const now = performance.now();
    for (const lease of this.#leases) {
      const heldMs = Math.round(now - lease.since);
      if (lease.isReported || heldMs < leakWarningMs) continue;
      lease.isReported = true;
      this.#counts.leakWarnings++;
      this.#log.warn({ heldMs, acquired: lease.stack }, "A database session is held for long; is it released?");
    }
  }
}

const DRAIN_MS = 10_000;

/** Often enough for the shortest limit, but no more than needed. */
function maintenanceInterval({ idleTimeoutMs, maxLifetimeMs, leakWarningMs }: PoolSettings): number {
  const shortest = Math.min(idleTimeoutMs, maxLifetimeMs, leakWarningMs ?? Infinity);
  return Math.max(10, Math.min(1000, shortest / 4));
}

function closedError(): HotpathError {
  return new HotpathError("HP_UNAVAILABLE", "The connection pool is closed.");
}
