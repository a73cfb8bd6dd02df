import type { ChangeReport, ChangeSink } from "./change-sink.ts";
import type { Feed } from "./feed.ts";
import { type Lsn, NO_LSN } from "./lsn.ts";

export interface LeaderOptions {
  readonly createFeed: (sink: ChangeSink) => Feed;
  readonly sink: ChangeSink;
  readonly version: () => string | undefined;
  /** Tells the other nodes, after the purges that were made before. Never rejects. */
  readonly tell: (words: readonly string[]) => Promise<void>;
  /** The node that has the lease knows another structure of the database. */
  readonly isAtOdds: boolean;
}

/** Follows the changes, and tells the other nodes how far they are purged. */
export class Leader {
  readonly feed: Feed;
  readonly isAtOdds: boolean;
  readonly #options: LeaderOptions;
  readonly #ticker: NodeJS.Timeout;
  /** The purges that have begun. */
  #purging: Promise<void> = Promise.resolve();
  /** The last transaction that was purged ends before this. */
  #last: Lsn = NO_LSN;
  /** Of what tags are made by, and what replies are stored under; undefined while that is changing. */
  #version: string | undefined;
  #followedAtMs = performance.now();
  #isClosed = false;
  readonly #beats: Rounds;
  readonly #answers: Rounds;

  constructor(options: LeaderOptions) {
    this.#options = options;
    this.isAtOdds = options.isAtOdds;
    this.#version = options.version();
    this.#beats = inRounds(() => this.#beat());
    this.#answers = inRounds(async () => {
      await this.feed.caughtUp(ANSWER_MS);
      await this.#beats();
    });
    this.feed = options.createFeed(this.#wrap(options.sink));
    this.#ticker = setInterval(() => void this.#beats(), BEAT_MS).unref();
  }

  /** Whether changes could not be followed for so long. */
  hasFailedFor(milliseconds: number): boolean {
    if (this.feed.state === "following") this.#followedAtMs = performance.now();
    return performance.now() - this.#followedAtMs > milliseconds;
  }

  /** Another node waits until what was committed before is purged. */
  answer(): Promise<void> {
    return this.#answers();
  }

  async renew(): Promise<void> {
    const { version, tell } = this.#options;
    const adopted = version();
    this.#version = undefined;
    void tell([STOP]);
    await this.feed.renew();
    if (version() === adopted) this.#version = adopted;
    void this.#beats();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#ticker);
    await this.feed.close();
  }

  #wrap(sink: ChangeSink): ChangeSink {
    return {
      changed: (report: ChangeReport) => this.#note(report.endLsn, sink.changed(report)),
      lost: (reason, before) => this.#note(before, sink.lost(reason, before)),
      proven: (atMs) => sink.proven(atMs),
      joined: (seen) => sink.joined(seen),
      placed: (tags, seen) => sink.placed(tags, seen),
      interrupted: () => {
        sink.interrupted();
        if (!this.#isClosed) void this.#options.tell([STOP]);
      },
      restructured: () => sink.restructured(),
      counted: (kind) => sink.counted(kind),
    };
  }

  #note(before: Lsn, purged: Promise<void>): Promise<void> {
    this.#last = Math.max(this.#last, before);
    this.#purging = Promise.all([this.#purging, purged]).then(() => undefined);
    // Where the place is to be asked for, that is done now and then for all.
    if (before !== NO_LSN) void this.#beats();
    return purged;
  }

  /** Tells the others how far everything is purged. */
  async #beat(): Promise<void> {
    const version = this.#version;
    if (this.#isClosed || version === undefined || this.feed.state !== "following") return;
    // What was purged before the last beat ends before `passed`, or `last`.
    await this.feed.place();
    const { followed } = this.feed;
    const { passed } = this.feed.stats();
    await this.#purging;
    // Since then everything may have changed.
    if (this.#isClosed || this.#version !== version || this.feed.state !== "following") return;
    const last = this.#last;
    const log = followed === undefined ? [] : [followed.cluster, String(followed.timeline)];
    await this.#options.tell([BEAT, version, String(passed), String(last), ...log]);
  }
}

/** What nodes tell each other. */
export const BEAT = "beat";
/** Changes are not followed for the moment. */
export const STOP = "stop";

/** Several beats within the time that replies may be old. */
const BEAT_MS = 250;
const ANSWER_MS = 1000;

type Rounds = () => Promise<void>;

/** Runs a task one round after another: those who ask while one is under way share the next. */
function inRounds(task: () => Promise<void>): Rounds {
  let running: Promise<void> | undefined;
  let next: Promise<void> | undefined;
  const begin = (): Promise<void> => {
    next = undefined;
    running = task().finally(() => {
      running = undefined;
    });
    return running;
  };
  return () => {
    if (running === undefined) return begin();
    next ??= running.then(begin, begin);
    return next;
  };
}
