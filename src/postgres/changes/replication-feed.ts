import type { Log } from "../../api/source.ts";
import { createBackoff } from "../pool/backoff.ts";
import type { PoolSettings } from "../pool/types.ts";
import type { ChangeSink } from "./change-sink.ts";
import type { FollowedTable } from "./dependencies.ts";
import type { Feed, FeedState, FeedStats, FollowedLog } from "./feed.ts";
import { NO_LSN } from "./lsn.ts";
import { pause } from "./pause.ts";
import { checkServer } from "./prerequisites.ts";
import { openProbe, type Probe } from "./probe.ts";
import { dropPublication, isPublished, providePublication } from "./publication.ts";
import { openReplication, type ReplicationConnection } from "./replication-connection.ts";
import { ReplicationSession } from "./replication-session.ts";
import type { RowTags } from "./row-tags.ts";
import { provideSlot } from "./slot.ts";
import { StructureWatch } from "./structure-watch.ts";
import type { TagNames } from "./tag-names.ts";
import { FeedUnavailable, toUnavailable } from "./unavailable.ts";

/** How changes are followed through the log. */
export interface ReplicationFeedOptions {
  /** How the database is reached for replication. */
  readonly settings: () => PoolSettings;
  /** Of a permanent slot; `null`: a temporary one. */
  readonly slot: string | null;
  readonly maxRetainedBytes: number;
  /** Whose publication: ours is provided and removed. */
  readonly publication: { readonly name: string; readonly isOurs: boolean };
  readonly rowTags: RowTags;
  readonly names: TagNames;
  readonly sink: ChangeSink;
  readonly log: Log;
  /** Tables to follow, and tables that must not be published. */
  readonly tables: () => { readonly followed: readonly FollowedTable[]; readonly barred: ReadonlySet<number> };
}

/** Begins to follow changes through the log, and tries again whenever that ends. */
export function createReplicationFeed(options: ReplicationFeedOptions): Feed {
  return new ReplicationFeed(options);
}

class ReplicationFeed implements Feed {
  state: FeedState = "connecting";
  reason: string | undefined = "connecting";
  readonly #options: ReplicationFeedOptions;
  readonly #stop = new AbortController();
  readonly #done: Promise<void>;
  #open: OpenSession | undefined;
  /** Opening and renewing take turns. */
  #turn: Promise<unknown> = Promise.resolve();
  /** A session of this feed has come to its end, and a permanent slot may go on where it stopped. */
  #isKnown = false;

  constructor(options: ReplicationFeedOptions) {
    this.#options = options;
    this.#done = this.#run();
  }

  stats(): FeedStats {
    return this.#open?.session.stats() ?? { lagBytes: 0, pending: 0, passed: NO_LSN };
  }

  get followed(): FollowedLog | undefined {
    return this.#open?.position;
  }

  isPlaced(): boolean {
    return true;
  }

  async caughtUp(limitMs: number): Promise<boolean> {
    return (await this.#open?.session.caughtUp(limitMs)) ?? false;
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
      if (open === undefined) return;
      try {
        await this.#publish(open.probe);
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
    const open = this.#open;
    if (open !== undefined && this.#options.publication.isOurs && this.#options.slot === null) {
      const drop = dropPublication(open.probe, this.#options.publication.name, open.slot).catch(() => undefined);
      await Promise.race([drop, pause(CLOSE_MS)]);
    }
    open?.session.close();
    await this.#done;
    this.state = "closed";
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    const { log, sink, slot } = this.#options;
    const backoff = createBackoff(100, 10_000);
    while (!signal.aborted) {
      try {
        const { session, watcher } = await this.#inTurn(() => this.#start());
        backoff.reset();
        if (signal.aborted) session.close();
        const reason = await session.ended;
        clearInterval(watcher);
        if (!signal.aborted) log.warn({ reason: reason.message }, "changes are not followed for the moment");
        this.#tell("connecting", reason.message);
      } catch (error) {
        this.#fail(error);
      }
      this.#open = undefined;
      // A permanent slot goes on where it was, and until then what is stored is as old as it may be.
      if (slot === null) sink.interrupted();
      await pause(this.state === "unavailable" ? UNAVAILABLE_RETRY_MS : backoff.next(), signal);
    }
  }

  /** A reason that somebody must see to is said once. */
  #fail(error: unknown): void {
    const { log } = this.#options;
    if (this.#stop.signal.aborted) return;
    const cause = toUnavailable(error, userOf(this.#options.settings().url));
    const message = messageOf(cause);
    if (message === this.reason) return;
    if (cause instanceof FeedUnavailable) {
      log.warn({ reason: message, todo: cause.todo }, "changes cannot be followed, so replies are not cached");
      this.#tell("unavailable", message);
    } else {
      log.warn({ reason: message }, "changes are not followed for the moment");
      this.#tell("connecting", message);
    }
  }

  #tell(state: FeedState, reason: string | undefined): void {
    this.state = state;
    this.reason = reason;
  }

  async #start(): Promise<OpenSession> {
    const { publication, sink, log, slot: slotName, maxRetainedBytes } = this.#options;
    const settings = this.#options.settings();
    const probe = await openProbe(settings);
    let connection: ReplicationConnection | undefined;
    const cut = (): void => {
      probe.close();
      connection?.close();
    };
    const { signal } = this.#stop;
    signal.addEventListener("abort", cut, { once: true });
    try {
      signal.throwIfAborted();
      const { asyncCommitMs, log: position } = await checkServer(probe);
      await this.#publish(probe);
      connection = await openReplication(settings);
      signal.throwIfAborted();
      const slot = await provideSlot(connection, probe, { name: slotName, maxRetainedBytes }, log);
      const { rowTags, names } = this.#options;
      const session = new ReplicationSession({ probe, connection, rowTags, names, sink, asyncCommitMs });
      await connection.start(slot.name, publication.name, session);
      signal.throwIfAborted();
      if (!slot.isContinued || !this.#isKnown) await session.overlap("start");
      this.#isKnown = true;
      const open = { probe, session, position, slot: slot.name, watcher: this.#watch(probe, session) };
      this.#open = open;
      this.#tell("following", undefined);
      log.info({ slot: slot.name, tables: this.#options.tables().followed.length }, "changes are followed");
      return open;
    } catch (error) {
      cut();
      throw error;
    } finally {
      signal.removeEventListener("abort", cut);
    }
  }

  async #publish(probe: Probe): Promise<void> {
    const { publication, tables } = this.#options;
    const { followed, barred } = tables();
    if (publication.isOurs) await providePublication(probe, publication.name, followed, barred);
  }

  #watch(probe: Probe, session: ReplicationSession): NodeJS.Timeout {
    const { publication, sink, tables } = this.#options;
    const watch = new StructureWatch();
    const look = async (): Promise<void> => {
      if (!(await watch.hasChanged(probe))) return;
      sink.restructured();
      if (publication.isOurs && !(await isPublished(probe, publication.name, tables().followed))) {
        throw new Error("The publication does not hold all tables any more.");
      }
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

interface OpenSession {
  readonly position: FollowedLog | undefined;
  readonly probe: Probe;
  readonly session: ReplicationSession;
  readonly slot: string;
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
