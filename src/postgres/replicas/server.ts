import type { Log } from "../../api/source.ts";
import { HotpathError } from "../../errors.ts";
import type { BatchEvents } from "../batch/batches.ts";
import { createPool, type Pool, type PoolSettings } from "../pool/index.ts";
import { probe, type ServerReport } from "./probe.ts";

/** What one known address needs. */
export interface ServerOptions {
  /** `host:port`, for logs and metrics. */
  readonly label: string;
  readonly pool: PoolSettings;
  readonly checkIntervalMs: number;
  readonly log: Log;
  readonly batches: BatchEvents;
  /** Called when there is news of it: a report, or that none can be had. */
  readonly onChange: (server: Server) => void;
}

/** A probe that takes longer counts as failed: so does a server that hangs. */
const PROBE_TIMEOUT_MS = 2000;
/** Between two probes while somebody waits for a server to catch up. */
const EAGER_MS = 2;
const FIRST_EJECTION_MS = 1000;
const MAX_EJECTION_MS = 30_000;
/** Failures of reads in a row, though the server answers probes. */
const FAILURES_TO_EJECT = 3;

/**
 * One known address: its pool, and what is known of it by asking at an interval over a connection of its own, so that a full pool does not
 * look like a server that is down.
 */
export class Server {
  readonly label: string;
  readonly url: string;
  readonly pool: Pool;
  /** What it said last; undefined while it does not answer, and after any of its connections broke, until it has answered again. */
  report: ServerReport | undefined;
  /** When the last report was asked for, by `performance.now()`. */
  askedAt = -Infinity;
  /** Has answered, or failed to, at least once. */
  isAsked = false;
  /** Reads under way. */
  inFlight = 0;
  /** It gets nothing before then, by `performance.now()`. */
  ejectedUntil = 0;
  ejections = 0;

  readonly #options: ServerOptions;
  readonly #watch: Pool;
  readonly #hopes = new Set<Hope>();
  readonly #reads = new Set<(reason: unknown) => void>();
  #timer: NodeJS.Timeout | undefined;
  #probing: Promise<void> | undefined;
  #losses = 0;
  #failures = 0;
  #ejectionMs = FIRST_EJECTION_MS;
  #isClosed = false;
  /** When a read succeeded last. */
  #servedAt = -Infinity;
  /** The last report, until the server is known not to answer. */
  #answered: ServerReport | undefined;

  constructor(options: ServerOptions) {
    this.#options = options;
    this.label = options.label;
    this.url = options.pool.url;
    const lost = (): void => this.#lostConnection();
    this.pool = createPool(options.pool, options.log, { ...options.batches, lost });
    this.#watch = createPool({ ...options.pool, ...WATCH }, SILENT, { lost });
  }

  /** Asks the server, now and from then on at the interval. Whoever asks meanwhile shares the answer. Never rejects. */
  probe(): Promise<void> {
    this.#probing ??= this.#ask().finally(() => {
      this.#probing = undefined;
      this.#schedule();
    });
    return this.#probing;
  }

  /** Asks what holds from now on: a question that is under way may have been answered before. */
  async probeAnew(): Promise<void> {
    await this.#probing;
    await this.probe();
  }

  /** Whether it reaches a position before the time is up. */
  reaches(lsn: bigint, limitMs: number): Promise<boolean> {
    if (this.#isClosed) return Promise.resolve(false);
    return new Promise((resolve) => {
      this.#hopes.add({ lsn, until: performance.now() + limitMs, settle: resolve });
      if (this.#hopes.size === 1) void this.#fulfil();
    });
  }

  /**
   * Runs a read on it. Rejects with what `attempt` rejects with; from a replica that stops answering with `HP_DATABASE_UNREACHABLE`
   * as soon as that is known, whatever becomes of the attempt.
   */
  read<T>(attempt: (pool: Pool) => Promise<T>): Promise<T> {
    this.inFlight++;
    return new Promise<T>((resolve, reject) => {
      const isOver = (): boolean => {
        if (!this.#reads.delete(fail)) return true;
        this.inFlight--;
        return false;
      };
      const fail = (reason: unknown): void => {
        if (!isOver()) reject(reason);
      };
      const succeed = (value: T): void => {
        if (isOver()) return;
        this.#failures = 0;
        this.#servedAt = performance.now();
        resolve(value);
      };
      this.#reads.add(fail);
      attempt(this.pool).then(succeed, fail);
    });
  }

  /** A read failed for a reason that lies with the server. */
  failed(): void {
    if (++this.#failures >= FAILURES_TO_EJECT) this.#eject();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await Promise.all([this.pool.close(), this.#watch.close()]);
  }

  async #ask(): Promise<void> {
    const losses = this.#losses;
    const askedAt = performance.now();
    try {
      const report = await probe(this.#watch, PROBE_TIMEOUT_MS);
      // What was said before a connection broke may have been said before a restart.
      if (losses === this.#losses && !this.#isClosed) this.#isUp(report, askedAt);
    } catch (error) {
      if (!this.#isClosed) this.#isDown(error);
    }
  }

  #isUp(report: ServerReport, askedAt: number): void {
    if (this.#answered === undefined) this.#options.log.info({ server: this.label }, "a database server answers");
    this.isAsked = true;
    this.report = report;
    this.#answered = report;
    this.askedAt = askedAt;
    this.#options.onChange(this);
  }

  #isDown(error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    const wasStandby = this.#answered?.isStandby;
    if (this.#answered !== undefined) {
      this.#options.log.warn({ server: this.label, reason }, "a database server does not answer");
      this.#eject();
    }
    this.isAsked = true;
    this.report = undefined;
    this.#answered = undefined;
    const isSilent = performance.now() - this.#servedAt > PROBE_TIMEOUT_MS;
    if (wasStandby === true && isSilent) {
      const failure = new HotpathError("HP_DATABASE_UNREACHABLE", "The server has stopped answering.");
      for (const fail of this.#reads) fail(failure);
    }
    this.#options.onChange(this);
  }

  /** It may be a restart, after which the server may be behind of where it was. */
  #lostConnection(): void {
    this.#losses++;
    if (this.report === undefined || this.#isClosed) return;
    this.report = undefined;
    this.#options.onChange(this);
    const again = (): void => void this.probe();
    if (this.#probing === undefined) again();
    else void this.#probing.then(again);
  }

  #eject(): void {
    const now = performance.now();
    if (now < this.ejectedUntil) return;
    // Whoever has stayed for long starts over.
    if (now - this.ejectedUntil > 2 * MAX_EJECTION_MS) this.#ejectionMs = FIRST_EJECTION_MS;
    this.ejections++;
    this.ejectedUntil = now + this.#ejectionMs;
    this.#ejectionMs = Math.min(2 * this.#ejectionMs, MAX_EJECTION_MS);
    this.#failures = 0;
    this.#options.onChange(this);
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    if (this.#isClosed) return;
    this.#timer = setTimeout(() => void this.probe(), this.#options.checkIntervalMs);
    this.#timer.unref();
  }

  async #fulfil(): Promise<void> {
    while (this.#hopes.size > 0) {
      await this.probe();
      const now = performance.now();
      const reached = this.report?.position.lsn ?? -1n;
      for (const hope of this.#hopes) {
        const isHopeless = this.report === undefined || now >= hope.until;
        if (reached < hope.lsn && !isHopeless) continue;
        this.#hopes.delete(hope);
        hope.settle(reached >= hope.lsn);
      }
      if (this.#hopes.size > 0) await new Promise((resolve) => setTimeout(resolve, EAGER_MS));
    }
  }
}

/** Somebody who waits for a position. */
interface Hope {
  readonly lsn: bigint;
  readonly until: number;
  readonly settle: (isReached: boolean) => void;
}

/** One connection that is kept. */
const WATCH = {
  applicationName: "hotpath watch",
  max: 1,
  minIdle: 1,
  maxWaiting: 2,
  acquireTimeoutMs: PROBE_TIMEOUT_MS,
  connectTimeoutMs: PROBE_TIMEOUT_MS,
  statementTimeoutMs: PROBE_TIMEOUT_MS,
};

/** The pool of the reads says the same. */
const SILENT: Log = { debug: ignore, info: ignore, warn: ignore, error: ignore };

function ignore(): void {}
