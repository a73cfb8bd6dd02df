import type { Log } from "../../api/source.ts";
import type { NodeLink } from "../../cache/node-link.ts";
import type { ChangeSink } from "./change-sink.ts";
import type { Feed, FeedState, FeedStats, FollowedLog } from "./feed.ts";
import { Follower, type FollowerOptions } from "./follower.ts";
import { BEAT, Leader, STOP } from "./leader.ts";
import { type Lsn, NO_LSN } from "./lsn.ts";
import { pause } from "./pause.ts";

/** How nodes that share a cache share the following of changes. */
export interface SharedFeedOptions extends Pick<FollowerOptions, "openProbe" | "version" | "disagreed"> {
  readonly nodes: NodeLink;
  /** The same on all nodes that serve the database alike. */
  readonly name: string;
  /** Makes the feed of the node whose turn it is. */
  readonly createFeed: (sink: ChangeSink) => Feed;
  readonly sink: ChangeSink;
  readonly log: Log;
}

/**
 * One node of those that share a cache follows the changes, the one that has the lease; its purges reach the others by way of the cache. When
 * it stops, or is not heard of for the time of the lease, another one takes over and flushes what the gap may have covered. While nobody can be asked
 * for the lease, or no agreement is reached on what is to be followed, a node follows for itself.
 */
export class SharedFeed implements Feed {
  readonly #options: SharedFeedOptions;
  readonly #stop = new AbortController();
  readonly #done: Promise<void>;
  /** Absent until the first answer to who is to follow. */
  #follower: Follower | undefined;
  #leader: Leader | undefined;
  #hasLease = false;
  #failures = 0;
  /** Another node, with which this one agrees, follows changes: when it was heard last. */
  #otherHeardAtMs = Number.NEGATIVE_INFINITY;
  #waking = new AbortController();

  constructor(options: SharedFeedOptions) {
    this.#options = options;
    const { nodes, name } = options;
    nodes.listen({
      told: (topic, words) => {
        if (topic === name) this.#told(words);
      },
      purged: (tags) => this.#follower?.purged(tags),
      lost: () => {
        this.#follower?.stopped();
        this.#wake();
      },
    });
    this.#done = this.#run();
  }

  get state(): FeedState {
    return (this.#leader?.feed ?? this.#follower)?.state ?? "connecting";
  }

  get reason(): string | undefined {
    const part = this.#leader?.feed ?? this.#follower;
    return part === undefined ? "connecting" : part.reason;
  }

  get followed(): FollowedLog | undefined {
    return (this.#leader?.feed ?? this.#follower)?.followed;
  }

  stats(): FeedStats {
    return this.#leader?.feed.stats() ?? { lagBytes: 0, pending: 0, passed: this.#follower?.passed ?? NO_LSN };
  }

  isPlaced(tags: readonly string[]): boolean {
    return (this.#leader?.feed ?? this.#follower)?.isPlaced(tags) ?? false;
  }

  async place(): Promise<void> {
    await this.#leader?.feed.place();
  }

  async renew(): Promise<void> {
    if (this.#leader !== undefined) return this.#leader.renew();
    // What the other node tags by is known again once it has told so.
    this.#follower?.stopped();
    await this.#options.sink.lost("structure", NO_LSN);
  }

  confirm(): void {
    this.#leader?.feed.confirm();
  }

  caughtUp(limitMs: number, xid?: number): Promise<boolean> {
    const caughtUp = this.#leader?.feed.caughtUp(limitMs, xid) ?? this.#follower?.caughtUp(limitMs);
    return caughtUp ?? Promise.resolve(false);
  }

  get tellsEnds(): boolean {
    return this.#leader?.feed.tellsEnds === true;
  }

  endOf(xid: number): Lsn | undefined {
    return this.#leader?.feed.endOf(xid);
  }

  restart(): void {
    this.#leader?.feed.restart();
    this.#follower?.restart();
  }

  async close(): Promise<void> {
    this.#stop.abort();
    this.#wake();
    await this.#done;
    this.#follower?.close();
    const leader = this.#leader;
    this.#leader = undefined;
    await leader?.feed.close();
    if (!this.#hasLease) return;
    const { nodes, name } = this.#options;
    await nodes.yieldLease(name);
    await nodes.tell(name, [GONE]);
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      const isOurs = await this.#isOurs();
      if (signal.aborted) return;
      if (isOurs && this.#leader === undefined) this.#begin();
      else if (!isOurs) await this.#follow();
      const waking = new AbortController();
      this.#waking = waking;
      await pause(RENEWAL_MS, waking.signal);
    }
  }

  /** Whether this node is to follow the changes. */
  async #isOurs(): Promise<boolean> {
    const { nodes, name } = this.#options;
    const now = performance.now();
    const isOtherHeard = now - this.#otherHeardAtMs < LEASE_MS;
    if (this.#leader !== undefined && this.#leader.hasFailedFor(UNFIT_MS)) {
      // Another may be able to. This one goes on trying until it hears of one.
      if (this.#hasLease) await nodes.yieldLease(name);
      this.#hasLease = false;
      return !isOtherHeard;
    }
    try {
      this.#hasLease = await nodes.holdLease(name, LEASE_MS);
      this.#failures = 0;
    } catch {
      this.#hasLease = false;
      this.#failures++;
      // One answer may get lost.
      return this.#failures > 1 || this.#leader !== undefined;
    }
    if (this.#hasLease) return true;
    // Two that do not agree follow each for itself until they do.
    return this.#leader === undefined ? this.#follower?.isAtOdds === true : this.#leader.isAtOdds && !isOtherHeard;
  }

  #begin(): void {
    const { createFeed, version, sink, log, nodes, name } = this.#options;
    log.info({ alone: !this.#hasLease }, "this node follows the changes of the database");
    const tell = async (words: readonly string[]): Promise<void> => {
      await nodes.tell(name, words);
    };
    const isAtOdds = this.#follower?.isAtOdds === true;
    this.#follower?.close();
    this.#follower = undefined;
    this.#leader = new Leader({ createFeed, version, sink, tell, isAtOdds });
  }

  async #follow(): Promise<void> {
    const leader = this.#leader;
    if (leader !== undefined) {
      this.#options.log.info({}, "another node follows the changes of the database");
      this.#leader = undefined;
      await leader.close();
    }
    if (this.#follower !== undefined || this.#stop.signal.aborted) return;
    const { sink, openProbe, version, disagreed, nodes, name } = this.#options;
    this.#follower = new Follower({ sink, openProbe, version, disagreed, ask: () => nodes.tell(name, [ASK]) });
  }

  #told(words: readonly string[]): void {
    const [kind, version = "", passed, last, cluster, timeline] = words;
    if (kind === ASK) {
      void this.#leader?.answer();
      return;
    }
    if (kind === GONE) this.#wake();
    if (kind === GONE || kind === STOP) this.#follower?.stopped();
    if (kind !== BEAT) return;
    if (version === this.#options.version()) this.#otherHeardAtMs = performance.now();
    const log = cluster === undefined ? undefined : { cluster, timeline: Number(timeline) };
    this.#follower?.told({ version, passed: Number(passed), last: Number(last), log });
  }

  #wake(): void {
    this.#waking.abort();
  }
}

/** How far is everything purged? */
const ASK = "ask";
/** Somebody else is to follow the changes. */
const GONE = "gone";

/** Three renewals may be missed. */
const LEASE_MS = 4000;
const RENEWAL_MS = 1000;
/** A database that was restarted is there again by then. */
const UNFIT_MS = 10_000;
