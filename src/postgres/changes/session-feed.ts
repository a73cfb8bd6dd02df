import type { Log } from "../../api/source.ts";
import { createBackoff } from "../pool/backoff.ts";
import type { PoolSettings } from "../pool/types.ts";
import type { ChangeSink } from "./change-sink.ts";
import type { ChangeWay, Means, OpenSession, WantedTables } from "./change-way.ts";
import type { Feed, FeedState, FeedStats, FollowedLog } from "./feed.ts";
import { type Lsn, NO_LSN } from "./lsn.ts";
import { pause } from "./pause.ts";
import { openProbe, type Probe } from "./probe.ts";
import { StructureWatch } from "./structure-watch.ts";
import { FeedUnavailable, toUnavailable } from "./unavailable.ts";

export interface SessionFeedOptions {
  /** How the database is reached for following its changes. */
  readonly settings: () => PoolSettings;
  /** Asked for each session. */
  readonly way: () => ChangeWay;
  readonly sink: ChangeSink;
  readonly log: Log;
  readonly tables: () => WantedTables;
  /** This way is barred until somebody sees to it; another may not be. */
  readonly refused: (way: ChangeWay) => void;
}

/** Begins to follow changes, and tries again whenever that ends. */
export function createSessionFeed(options: SessionFeedOptions): Feed {
  return new SessionFeed(options);
}

class SessionFeed implements Feed {
  state: FeedState = "connecting";
  reason: string | undefined = "connecting";
  readonly #options: SessionFeedOptions;
  readonly #stop = new AbortController();
  readonly #done: Promise<void>;
  #open: Running | undefined;
  /** Opening and renewing take turns. */
  #turn: Promise<unknown> = Promise.resolve();
  /** A session of this feed has come to its end, and the next may go on where it stopped. */
  #isKnown = false;
  /** Of the session that runs, or was tried last. */
  #means: Means | undefined;
  #waking = new AbortController();

  constructor(options: SessionFeedOptions) {
    this.#options = options;
    this.#done = this.#run();
  }

  stats(): FeedStats {
    return this.#open?.session.stats() ?? { lagBytes: 0, pending: 0, passed: NO_LSN };
  }

  get followed(): FollowedLog | undefined {
    return this.#open?.log;
  }

  isPlaced(tags: readonly string[]): boolean {
    return this.#open?.session.isPlaced(tags) ?? false;
  }

  async place(): Promise<void> {
    await this.#open?.session.place();
  }

  caughtUp(limitMs: number, xid?: number): Promise<boolean> {
    return this.#open?.session.caughtUp(limitMs, xid) ?? Promise.resolve(false);
  }

  get tellsEnds(): boolean {
    return this.#open?.way.means === "log";
  }

  endOf(xid: number): Lsn | undefined {
    return this.#open?.session.endOf(xid);
  }

  restart(): void {
    // A permanent slot of another server has not seen what this one has.
    this.#isKnown = false;
    this.#open?.session.close();
  }

  confirm(): void {
    this.#open?.session.renew();
  }

  async renew(): Promise<void> {
    await this.#inTurn(async () => {
      const open = this.#open;
      const way = this.#options.way();
      if (this.#means !== way.means) {
        // Another way is tried at once.
        this.#isKnown = false;
        open?.session.close();
        this.#waking.abort();
        return;
      }
      if (open === undefined) return;
      try {
        await way.provide(open.probe, this.#options.tables());
        open.session.renew();
        await open.session.overlap("structure");
      } catch (error) {
        // The next session provides everything anew.
        this.#options.log.warn(
          { reason: messageOf(error) },
          "the tables to follow could not be changed; starting again",
        );
        open.session.close();
      }
    });
  }

  async close(): Promise<void> {
    this.#stop.abort();
    this.#waking.abort();
    const open = this.#open;
    if (open !== undefined) {
      const left = open.way.leave(open, open.probe).catch(() => undefined);
      await Promise.race([left, pause(CLOSE_MS)]);
    }
    open?.session.close();
    await this.#done;
    this.state = "closed";
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    const { log, sink } = this.#options;
    const backoff = createBackoff(100, 10_000);
    while (!signal.aborted) {
      const way = this.#options.way();
      this.#means = way.means;
      try {
        const { session, watcher } = await this.#inTurn(() => this.#start(way));
        backoff.reset();
        if (signal.aborted) session.close();
        const reason = await session.ended;
        clearInterval(watcher);
        if (!signal.aborted) log.warn({ reason: reason.message }, "changes are not followed for the moment");
        this.#tell("connecting", reason.message);
      } catch (error) {
        this.#fail(error, way);
      }
      this.#open = undefined;
      // What goes on where it was is until then as old as it may be.
      if (!way.isKept) sink.interrupted();
      const waking = new AbortController();
      this.#waking = waking;
      if (this.#options.way().means !== way.means) continue;
      await pause(this.state === "unavailable" ? UNAVAILABLE_RETRY_MS : backoff.next(), waking.signal);
    }
  }

  /** A reason that somebody must see to is said once. */
  #fail(error: unknown, way: ChangeWay): void {
    const { log, refused, settings } = this.#options;
    if (this.#stop.signal.aborted) return;
    const cause = toUnavailable(error, userOf(settings().url));
    const message = messageOf(cause);
    if (message === this.reason) return;
    if (cause instanceof FeedUnavailable) {
      log.warn({ reason: message, todo: cause.todo }, "changes cannot be followed, so replies are not cached");
      this.#tell("unavailable", message);
      refused(way);
    } else {
      log.warn({ reason: message }, "changes are not followed for the moment");
      this.#tell("connecting", message);
    }
  }

  #tell(state: FeedState, reason: string | undefined): void {
    this.state = state;
    this.reason = reason;
  }

  async #start(way: ChangeWay): Promise<Running> {
    const { log, settings, tables } = this.#options;
    const target = settings();
    const probe = await openProbe(target);
    const cut = (): void => probe.close();
    const { signal } = this.#stop;
    signal.addEventListener("abort", cut, { once: true });
    let opened: OpenSession | undefined;
    try {
      signal.throwIfAborted();
      opened = await way.open(target, probe, tables(), signal);
      const { session } = opened;
      if (!opened.isContinued || !this.#isKnown) await session.overlap("start");
      this.#isKnown = true;
      const running = { ...opened, way, probe, watcher: this.#watch(way, probe, session) };
      this.#open = running;
      this.#tell("following", undefined);
      log.info({ means: way.means, from: opened.name, tables: tables().followed.length }, "changes are followed");
      return running;
    } catch (error) {
      opened?.session.close();
      cut();
      throw error;
    } finally {
      signal.removeEventListener("abort", cut);
    }
  }

  #watch(way: ChangeWay, probe: Probe, session: OpenSession["session"]): NodeJS.Timeout {
    const { sink, tables } = this.#options;
    const watch = new StructureWatch();
    const look = async (): Promise<void> => {
      if (!(await watch.hasChanged(probe))) return;
      sink.restructured();
      if (!(await way.isProvided(probe, tables()))) throw new Error("Not all tables are followed any more.");
    };
    const lookOrEnd = (): void => void look().catch(() => session.close());
    lookOrEnd();
    return setInterval(lookOrEnd, WATCH_MS).unref();
  }

  #inTurn<T>(task: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(task, task);
    this.#turn = turn.catch(() => undefined);
    return turn;
  }
}

interface Running extends OpenSession {
  readonly way: ChangeWay;
  readonly probe: Probe;
  readonly watcher: NodeJS.Timeout;
}

/** Whoever has to change a setting of the server takes longer than that. */
const UNAVAILABLE_RETRY_MS = 30_000;
const WATCH_MS = 2000;
const CLOSE_MS = 2000;

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function userOf(url: string): string {
  return URL.canParse(url) ? decodeURIComponent(new URL(url).username) || "hotpath" : "hotpath";
}
