import { createBackoff } from "../pool/backoff.ts";
import type { ChangeSink } from "./change-sink.ts";
import { type FeedState, type FollowedLog, isSameLog } from "./feed.ts";
import { type Lsn, NO_LSN } from "./lsn.ts";
import { pause } from "./pause.ts";
import type { Probe } from "./probe.ts";
import { StructureWatch } from "./structure-watch.ts";
import { UnplacedTags } from "./unplaced-tags.ts";

/** What the node that follows the changes tells the others after the purges of which it speaks. */
export interface Beat {
  /** Of what replies depend on: nodes must tag alike. */
  readonly version: string;
  /** Whatever was committed and visible before this is purged. */
  readonly passed: Lsn;
  /** The last transaction that was purged before the beat before this one ends before this, or before `passed`. */
  readonly last: Lsn;
  /** Undefined: the database does not tell. */
  readonly log: FollowedLog | undefined;
}

export interface FollowerOptions {
  readonly sink: ChangeSink;
  /** Opens a connection of its own: a pool whose connections are all busy would make replies seem old. */
  readonly openProbe: () => Promise<Probe>;
  /** Asks the node that follows the changes to tell how far it is, now. */
  readonly ask: () => Promise<unknown>;
  readonly version: () => string | undefined;
  /** The other node tells of another version. Whichever of the two is behind is to read again what replies depend on. */
  readonly disagreed: (version: string) => void;
}

/**
 * A node that is told of changes by another. The purges reach it as they reach every node that shares the cache; what is worked out here is how new
 * the stored replies are: this node asks the database how far its log is, and once the other node has told that it has come by there, and so purged
 * what was visible at that moment, replies are as new as the question. No clock but one's own is needed.
 */
export class Follower {
  readonly #options: FollowerOptions;
  readonly #stop = new AbortController();
  readonly #waiters = new Set<{ lsn: Lsn; readonly resolve: () => void }>();
  /** Purged since the last beat: the next one does not say yet where in the log. And what was purged before that, which it does. */
  readonly #purged = new UnplacedTags();
  readonly #older = new UnplacedTags();
  readonly #rereadPause = createBackoff(1000, 60_000);
  #probe: Probe | undefined;
  #looks: { readonly askedAtMs: number; readonly lsn: Lsn }[] = [];
  /** How much later than its commit a transaction may reach the log. */
  #asyncCommitMs = 0;
  #beat: Beat | undefined;
  #heardAtMs = 0;
  #rereadAtMs = 0;
  /** Since when the other node has told of another structure of the database. */
  #otherSinceMs: number | undefined;

  constructor(options: FollowerOptions) {
    this.#options = options;
    // What was purged before this node listened.
    this.#purged.add(undefined);
    void this.#run();
  }

  get state(): FeedState {
    return this.#beat === undefined ? "connecting" : "following";
  }

  get reason(): string | undefined {
    if (this.#beat !== undefined) return undefined;
    if (this.#otherSinceMs !== undefined) {
      return "the node that follows changes knows another structure of the database";
    }
    return "no other node has told yet that it follows changes";
  }

  get passed(): Lsn {
    return this.#beat?.passed ?? NO_LSN;
  }

  get followed(): FollowedLog | undefined {
    return this.#beat?.log;
  }

  /** Whether the two have not agreed for so long that they may never. */
  get isAtOdds(): boolean {
    return this.#otherSinceMs !== undefined && performance.now() - this.#otherSinceMs > AGREEMENT_MS;
  }

  isPlaced(tags: readonly string[]): boolean {
    return !this.#purged.hasAny(tags) && !this.#older.hasAny(tags);
  }

  /** Another node has purged these; `undefined`: everything. */
  purged(tags: readonly string[] | undefined): void {
    this.#purged.add(tags);
  }

  told(beat: Beat): void {
    const { sink, version } = this.#options;
    const own = version();
    if (own === undefined) return;
    if (own !== beat.version) {
      this.#otherSinceMs ??= performance.now();
      this.stopped();
      this.#reread(beat.version);
      return;
    }
    this.#otherSinceMs = undefined;
    this.#rereadPause.reset();
    this.#heardAtMs = performance.now();
    const isFirst = this.#beat === undefined || !isSameLog(this.#beat.log, beat.log);
    const placed = this.#older.take();
    this.#older.add(this.#purged.take());
    this.#beat = beat;
    const seen = Math.max(beat.passed, beat.last);
    if (isFirst || placed === undefined) sink.joined(seen);
    else sink.placed(placed, seen);
    const look = this.#looks.findLast(({ lsn }) => lsn <= beat.passed);
    if (look !== undefined) {
      this.#looks = this.#looks.filter(({ askedAtMs }) => askedAtMs > look.askedAtMs);
      sink.proven(look.askedAtMs - this.#asyncCommitMs);
    }
    for (const waiter of this.#waiters) if (waiter.lsn <= beat.passed) waiter.resolve();
  }

  /** The other node does not follow changes for the moment, or cannot be heard. */
  stopped(): void {
    if (this.#beat === undefined) return;
    this.#beat = undefined;
    this.#options.sink.interrupted();
  }

  /** Resolves once all that was committed before the call is purged, with `false` when that has not come within the time. */
  async caughtUp(limitMs: number): Promise<boolean> {
    const probe = this.#probe;
    if (this.#beat === undefined || probe === undefined) return false;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const timer = setTimeout(resolve, limitMs, false);
    const waiter = { lsn: Infinity, resolve: () => resolve(true) };
    const begin = async (): Promise<void> => {
      waiter.lsn = (await probe.lookBehindCommits()).lsn;
      this.#waiters.add(waiter);
      await this.#options.ask();
    };
    void begin().catch(() => resolve(false));
    const isDone = await promise;
    clearTimeout(timer);
    this.#waiters.delete(waiter);
    return isDone;
  }

  /** The database is elsewhere now. */
  restart(): void {
    this.#probe?.close();
    this.stopped();
  }

  close(): void {
    this.#stop.abort();
    this.#probe?.close();
  }

  #reread(version: string): void {
    if (performance.now() < this.#rereadAtMs) return;
    this.#rereadAtMs = performance.now() + this.#rereadPause.next();
    this.#options.disagreed(version);
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    const backoff = createBackoff(100, 10_000);
    while (!signal.aborted) {
      try {
        const probe = await this.#options.openProbe();
        this.#probe = probe;
        void probe.ended.then(() => probe.close());
        if (signal.aborted) probe.close();
        await this.#watch(probe, () => backoff.reset());
      } catch {
        // A database that does not answer proves nothing.
      }
      this.#probe?.close();
      this.#probe = undefined;
      await pause(backoff.next(), signal);
    }
  }

  /** Looks at the database again and again, until that fails. */
  async #watch(probe: Probe, begun: () => void): Promise<void> {
    const { signal } = this.#stop;
    const [[asyncCommit] = []] = await probe.query(ASYNC_COMMIT);
    this.#asyncCommitMs = Number(asyncCommit);
    // It may be another server than before, with another log.
    this.#looks = [];
    const structure = new StructureWatch();
    let watchedAtMs = Number.NEGATIVE_INFINITY;
    begun();
    while (!signal.aborted) {
      if (performance.now() - this.#heardAtMs > SILENCE_MS) this.stopped();
      this.#looks.push(await probe.look());
      // The other node is far behind; which of the looks in the middle it comes up to next hardly matters.
      if (this.#looks.length > MOST_LOOKS) this.#looks = this.#looks.filter((_, index) => index % 2 === 0);
      if (performance.now() - watchedAtMs >= WATCH_MS) {
        watchedAtMs = performance.now();
        if (await structure.hasChanged(probe)) this.#options.sink.restructured();
      }
      await pause(LOOK_MS, signal);
    }
  }
}

const ASYNC_COMMIT = "select (3 * setting::int)::text from pg_settings where name = 'wal_writer_delay'";
const LOOK_MS = 500;
const WATCH_MS = 2000;
/** Beats come far oftener. */
const SILENCE_MS = 10_000;
/** Longer than both need for reading the catalog. */
const AGREEMENT_MS = 15_000;
const MOST_LOOKS = 64;
