import type { Client } from "pg";
import type { Log } from "../../api/source.ts";
import type { HotpathError } from "../../errors.ts";
import { createBackoff } from "./backoff.ts";
import { cancelRequest } from "./cancel.ts";
import { type ConnectionOwner, PipelinedConnection } from "./connection.ts";
import { connect, createClient, destroyClient } from "./open.ts";
import { createScene, isPoolerRefusal, type Scene } from "./scene.ts";
import type { Call } from "./call.ts";
import type { PoolSettings } from "./types.ts";

/** Whom the keeper tells of its connections. */
export interface KeeperOwner {
  /** There is a connection to use, or one more call's worth of room. */
  ready(): void;
  /** Connecting failed and nothing is connected: see `outage`. */
  down(): void;
  /** A connection broke. */
  lost(): void;
  replay(calls: readonly Call[]): void;
}

/** Nothing is connected, and trying failed. */
export interface Outage {
  /** By `performance.now()`. */
  readonly since: number;
  readonly error: HotpathError;
}

/**
 * Keeps the connections of a pool: opens them up to `max`, holds `minIdle` of them ready, ends surplus and old ones when
 * nobody uses them, and comes back after an outage by itself.
 */
export class ConnectionKeeper implements ConnectionOwner {
  readonly counts = { opened: 0, closed: 0, connectFailures: 0, connectionsLost: 0, cancelled: 0 };
  readonly all = new Set<PipelinedConnection>();
  outage: Outage | undefined;
  opening = 0;

  readonly #settings: PoolSettings;
  readonly #log: Log;
  readonly #owner: KeeperOwner;
  readonly #backoff = createBackoff();
  /** Least recently used first. */
  readonly #idle: PipelinedConnection[] = [];
  readonly #attempts = new Set<Promise<unknown>>();
  readonly #connecting = new Set<Client>();
  readonly #ending = new Set<Promise<void>>();
  /** There are connections, but opening more has failed; said once. */
  #isConfined = false;
  #retryTimer: NodeJS.Timeout | undefined;
  /** A pooler is in front of the database. */
  #scene: Scene | undefined;
  #isClosed = false;

  constructor(settings: PoolSettings, log: Log, owner: KeeperOwner) {
    this.#settings = settings;
    this.#log = log;
    this.#owner = owner;
  }

  get idleCount(): number {
    return this.#idle.length;
  }

  /** Whether a connection may be opened now: below the maximum, and not in the pause after a failure. */
  get mayOpen(): boolean {
    if (this.#isClosed || this.#retryTimer !== undefined) return false;
    if (this.outage !== undefined && this.opening > 0) return false;
    return this.all.size + this.opening < this.#settings.max;
  }

  /** The free connection that was used last, so that the others can age; rather one that suits the call. */
  takeIdle(call?: Call): PipelinedConnection | undefined {
    const suiting = call === undefined ? -1 : this.#idle.findLastIndex((each) => each.suits(call) && each.isWritable);
    if (suiting !== -1) return this.#idle.splice(suiting, 1)[0];
    for (let found = this.#idle.pop(); found !== undefined; found = this.#idle.pop()) {
      if (found.isWritable) return found;
    }
    return undefined;
  }

  /** The connection with the shortest pipeline that moves on: behind a slow statement is no place to wait. */
  leastLoaded(): PipelinedConnection | undefined {
    const stalledBefore = performance.now() - STALLED_MS;
    let best: PipelinedConnection | undefined;
    for (const connection of this.all) {
      if (connection.load >= this.#settings.maxPipelineDepth || connection.progressedAt < stalledBefore) continue;
      if (connection.isShareable && connection.isWritable && isBetter(connection, best)) best = connection;
    }
    return best;
  }

  /** Empties a connection for a session that waits; `false` when there is none left to empty. */
  reserve(): boolean {
    let best: PipelinedConnection | undefined;
    for (const connection of this.all) {
      if (connection.isShareable && (best === undefined || connection.load < best.load)) best = connection;
    }
    if (best === undefined) return false;
    best.isReserved = true;
    return true;
  }

  get reservedCount(): number {
    let count = 0;
    for (const { isReserved } of this.all) if (isReserved) count++;
    return count;
  }

  /** Opens one connection. Never rejects: answers the failure, which is then also in `outage` if nothing is connected. */
  open(): Promise<HotpathError | undefined> {
    const attempt = this.#attempt();
    this.#attempts.add(attempt);
    void attempt.then(() => this.#attempts.delete(attempt));
    return attempt;
  }

  /** Opens what is missing of the idle minimum. */
  keepWarm(): void {
    while (this.#idle.length + this.opening < this.#settings.minIdle && this.mayOpen) void this.open();
  }

  /** Resolves when the idle minimum is connected, or connecting has failed. */
  async warmUp(): Promise<void> {
    this.keepWarm();
    while (this.#attempts.size > 0) await Promise.all(this.#attempts);
  }

  /** Ends what is too old or more than needed. To be called now and then. */
  maintain(): void {
    const now = performance.now();
    const { statementTimeoutMs, connectTimeoutMs } = this.#settings;
    for (const connection of this.all) {
      if (statementTimeoutMs && connection.isOverdue(statementTimeoutMs, connectTimeoutMs)) {
        connection.destroy(new Error("The server has stopped answering."));
      }
      if (connection.expiresAt > now || connection.isRetiring || !connection.isAlive) continue;
      connection.isRetiring = true;
      if (connection.load === 0 && !connection.isExclusive) this.progressed(connection);
    }
    const surplusSince = now - this.#settings.idleTimeoutMs;
    while (this.#idle.length > this.#settings.minIdle) {
      const [oldest] = this.#idle;
      if (oldest === undefined || oldest.idleSince > surplusSince) break;
      this.#end(oldest);
    }
    this.keepWarm();
  }

  progressed(connection: PipelinedConnection): void {
    if (connection.load === 0 && !connection.isExclusive) {
      if (connection.isRetiring) {
        this.#end(connection);
      } else {
        connection.isReserved = false;
        if (connection.isIdle && !this.#idle.includes(connection)) this.#idle.push(connection);
      }
    }
    this.#owner.ready();
  }

  replay(calls: readonly Call[]): void {
    this.#owner.replay(calls);
  }

  lost(connection: PipelinedConnection, cause: Error): void {
    this.counts.connectionsLost++;
    this.#log.warn({ reason: cause.message }, "A database connection was lost");
    this.#removed(connection);
    this.#owner.lost();
    // What was killed with the server is needed again; one attempt finds out, and the pauses between further ones grow.
    if (this.all.size + this.opening === 0 && this.mayOpen) void this.open();
    this.keepWarm();
    this.#owner.ready();
  }

  async cancel(client: Client): Promise<boolean> {
    this.counts.cancelled++;
    return cancelRequest(this.#settings, client);
  }

  /** Ends every connection, those in use too. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#retryTimer);
    for (const client of this.#connecting) destroyClient(client);
    for (const connection of this.all) {
      if (connection.load === 0 && !connection.isExclusive) this.#end(connection);
      else connection.destroy(new Error("The pool was closed."));
    }
    await Promise.all(this.#ending);
  }

  async #attempt(): Promise<HotpathError | undefined> {
    this.opening++;
    const startless = this.#scene && { ...this.#settings, startup: {}, statementTimeoutMs: null };
    const client = createClient(startless ?? this.#settings, { pipeline: true });
    this.#connecting.add(client);
    try {
      await connect(client);
      this.opening--;
      this.#opened(client);
      return undefined;
    } catch (error) {
      this.opening--;
      if (this.#scene === undefined && isPoolerRefusal(error)) {
        this.#scene = createScene(this.#settings);
        this.#log.info(
          {},
          "a pooler is in front of the database: settings go with each transaction, statements are not prepared",
        );
        return this.#attempt();
      }
      this.#failed(error as HotpathError);
      return error as HotpathError;
    } finally {
      this.#connecting.delete(client);
    }
  }

  #opened(client: Client): void {
    const { maxLifetimeMs, maxLifetimeJitterMs, preparedStatements } = this.#settings;
    const { maxPreparedPerConnection = 200, startup = {} } = this.#settings;
    this.counts.opened++;
    const connection = new PipelinedConnection(client, {
      owner: this,
      maxPrepared: preparedStatements && this.#scene === undefined ? maxPreparedPerConnection : 0,
      startsReadOnly: startup["default_transaction_read_only"] === "on" && this.#scene === undefined,
      scene: this.#scene,
      expiresAt: performance.now() + maxLifetimeMs - Math.random() * Math.min(maxLifetimeJitterMs, maxLifetimeMs),
    });
    this.all.add(connection);
    if (this.#isClosed) {
      this.#end(connection);
      return;
    }
    this.#backoff.reset();
    this.#isConfined = false;
    if (this.outage !== undefined) {
      this.#log.info(
        { seconds: Math.round((performance.now() - this.outage.since) / 1000) },
        "The database answers again",
      );
      this.outage = undefined;
    }
    this.progressed(connection);
    this.keepWarm();
  }

  #failed(error: HotpathError): void {
    this.counts.connectFailures++;
    if (this.#isClosed) return;
    if (this.#retryTimer === undefined) {
      this.#retryTimer = setTimeout(() => this.#retry(), this.#backoff.next());
      this.#retryTimer.unref();
    }
    if (this.all.size > 0) {
      if (!this.#isConfined)
        this.#log.warn({ reason: error.message }, "No further database connection could be opened");
      this.#isConfined = true;
      this.#owner.ready();
      return;
    }
    if (this.outage === undefined)
      this.#log.error({ reason: error.message }, "The database does not answer; trying on");
    this.outage = { since: this.outage?.since ?? performance.now(), error };
    this.#owner.down();
  }

  #retry(): void {
    this.#retryTimer = undefined;
    if (this.all.size + this.opening === 0) void this.open();
    this.keepWarm();
    this.#owner.ready();
  }

  #end(connection: PipelinedConnection): void {
    const ending = connection.end();
    this.#ending.add(ending);
    void ending.finally(() => this.#ending.delete(ending));
    this.#removed(connection);
  }

  #removed(connection: PipelinedConnection): void {
    this.counts.closed++;
    this.all.delete(connection);
    const at = this.#idle.indexOf(connection);
    if (at >= 0) this.#idle.splice(at, 1);
  }
}

/** Of equally long pipelines, the one that moved last. */
function isBetter(one: PipelinedConnection, other: PipelinedConnection | undefined): boolean {
  if (other === undefined || one.load < other.load) return true;
  return one.load === other.load && one.progressedAt > other.progressedAt;
}

/** How long a statement may run before nobody is queued behind it on its connection. */
const STALLED_MS = 20;
