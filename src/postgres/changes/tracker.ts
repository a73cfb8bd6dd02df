import type { Catalog } from "../catalog/types.ts";
import type { PoolSettings } from "../pool/types.ts";
import type { Position, ReadOrigin } from "../replicas/index.ts";
import { type FindCacheRule, parseCacheRules } from "./cache-rules.ts";
import type { ChangeKind, ChangeReport, ChangeSink, LossReason } from "./change-sink.ts";
import { observeChanges } from "./change-metrics.ts";
import type { ChangeWay } from "./change-way.ts";
import { type Dependencies, readDependencies } from "./dependencies.ts";
import type { ChangeSource } from "./change-source.ts";
import { publicationName, readPrefix } from "./database-prefix.ts";
import { chooseMeans } from "./means.ts";
import { type Feed, isSameLog } from "./feed.ts";
import { type Lsn, NO_LSN } from "./lsn.ts";
import { openProbe } from "./probe.ts";
import { readPublication } from "./publication.ts";
import type { TagSource } from "./read-tags.ts";
import { RecentChanges } from "./recent-changes.ts";
import { createReplicationWay } from "./replication-way.ts";
import { createRowTags, type TagScheme } from "./row-tags.ts";
import { createSessionFeed } from "./session-feed.ts";
import { SharedFeed } from "./shared-feed.ts";
import { createTriggerWay } from "./trigger-way.ts";
import { type AdviseTables, createTableAdvice } from "./table-advice.ts";
import { createTagNames, type TagNames } from "./tag-names.ts";
import { FeedUnavailable } from "./unavailable.ts";
import type { Tracker, TrackerOptions } from "./tracker-types.ts";

/** Makes a tracker; it begins with the first `adopt`. */
export function createTracker(options: TrackerOptions): Tracker {
  return new ChangeTracker(options);
}

class ChangeTracker implements Tracker, ChangeSink {
  readonly #options: TrackerOptions;
  readonly #metrics: ReturnType<typeof observeChanges>;
  readonly #maxStalenessMs: number;
  readonly #ruleOf: FindCacheRule;
  #prefix: string | undefined;
  #names: TagNames | undefined;
  #source: TagSource | undefined;
  #feed: Feed | undefined;
  /** What has been stored under: goes when anything may have been missed. */
  readonly #tables = new Set<number>();
  #recent = new RecentChanges();
  #adopting = 0;
  /** The database does not tell of its log, for a reason that only trying shows. */
  #isLogRefused = false;
  #mode: Mode;
  /** Writes of ours that their clients have been told of before they were purged. */
  #overdue = 0;
  hasGuests = false;
  /** By `performance.now()`: what was visible then is known. */
  #provenAtMs = Number.NEGATIVE_INFINITY;
  readonly #advise: AdviseTables;

  constructor(options: TrackerOptions) {
    this.#options = options;
    this.#ruleOf = parseCacheRules(options.settings.queryCache.tables);
    this.#maxStalenessMs = options.settings.changes.maxStalenessMs;
    this.#mode = this.#otherMode;
    this.#advise = createTableAdvice(options.log);
    options.router.onMove(() => this.#feed?.restart());
    this.#metrics = observeChanges(options.metrics, {
      state: () => this.#feed?.state ?? "connecting",
      lagBytes: () => this.#feed?.stats().lagBytes ?? 0,
      stalenessMs: () => performance.now() - this.#provenAtMs,
    });
  }

  get isUsable(): boolean {
    if (this.#mode === "following") return this.#overdue === 0 && this.isCurrent;
    return this.#mode === "timed" && this.#adopting === 0;
  }

  get isBehind(): boolean {
    return this.#overdue > 0;
  }

  get isCurrent(): boolean {
    return this.#adopting === 0 && performance.now() - this.#provenAtMs <= this.#maxStalenessMs;
  }

  get reason(): string | undefined {
    if (this.isCurrent) return undefined;
    if (this.#options.settings.changes.follow === "none") return "option changes.follow is none";
    return this.#feed === undefined ? "starting" : (this.#feed.reason ?? "the changes known are too old");
  }

  async prepare(catalog: Catalog): Promise<TagSource> {
    const { query, settings } = this.#options;
    this.#prefix ??= await readPrefix(query, settings);
    this.#names ??= createTagNames(this.#prefix);
    const dependencies = await readDependencies(query, catalog, await this.#chooseSource());
    return { catalog, dependencies, names: this.#names, ruleOf: this.#ruleOf };
  }

  async #chooseSource(): Promise<ChangeSource> {
    const { query, settings } = this.#options;
    const { follow, publication } = settings.changes;
    const chosen = await chooseMeans(query, { follow, isLogRefused: this.#isLogRefused });
    if (chosen.means === "triggers") return chosen;
    const published =
      publication === null ? undefined : await readPublication(query, publication).catch(ignoreUnavailable);
    return { means: "log", published };
  }

  adopt(source: TagSource): void {
    this.#source = source;
    for (const oid of source.dependencies.tables.keys()) this.#tables.add(oid);
    for (const relations of source.catalog.relations.values()) {
      for (const { oid } of relations.values()) this.#tables.add(oid);
    }
    this.#advise(source.dependencies);
    this.#adopting++;
    void this.#renew(source).finally(() => {
      this.#adopting--;
    });
  }

  confirm(): void {
    this.#feed?.confirm();
  }

  isSeen(tags: readonly string[], origin: ReadOrigin): boolean {
    if (origin === "primary") return true;
    if (origin === undefined || !isSameLog(origin, this.#feed?.followed)) return false;
    if (this.#feed?.isPlaced(tags) !== true) return false;
    return this.#recent.isSeen(tags, Number(origin.lsn));
  }

  covers(position: Position): boolean {
    const feed = this.#feed;
    return feed !== undefined && isSameLog(position, feed.followed) && feed.stats().passed >= Number(position.lsn);
  }

  get tellsEnds(): boolean {
    return this.#mode === "following" && this.#feed?.tellsEnds === true;
  }

  endOf(xid: number): Position | undefined {
    const { followed } = this.#feed ?? {};
    const lsn = this.#feed?.endOf(xid);
    if (followed === undefined || lsn === undefined) return undefined;
    return { cluster: followed.cluster, timeline: followed.timeline, lsn: BigInt(lsn) };
  }

  async written(table: number | undefined, xid?: number | null): Promise<void> {
    if (xid === null) return;
    if (this.#mode === "off") {
      if (this.hasGuests) await this.#purgeTable(table);
      return;
    }
    if (this.#mode === "following") {
      const feed = this.#feed;
      if ((await feed?.caughtUp(WRITE_PATIENCE_MS, this.#isTold(table) ? xid : undefined)) === true) return;
      // The stream takes its time. Nothing that is stored is given until it is here; other nodes do not know of that.
      if (feed !== undefined && this.#options.cache.nodes === undefined && this.#overdue < MOST_OVERDUE) {
        this.#overdue++;
        void this.#caughtUpOrPurged(feed, table);
        return;
      }
    }
    await this.#purgeTable(table);
  }

  async #caughtUpOrPurged(feed: Feed, table: number | undefined): Promise<void> {
    try {
      if (!(await feed.caughtUp(OVERDUE_MS))) await this.#purgeTable(table);
    } finally {
      this.#overdue--;
    }
  }

  /** Everything that was read from the table goes. */
  async #purgeTable(table: number | undefined): Promise<void> {
    const names = this.#names;
    if (names === undefined) return;
    const tables = table === undefined ? [...this.#tables] : this.#tablesOf(table);
    await this.#options.cache.purge(tables.map((oid) => names.table(oid)));
  }

  /** Whether changes of what was written to are followed. */
  #isTold(table: number | undefined): boolean {
    if (table === undefined) return true;
    const { tables } = this.#told;
    return this.#tablesOf(table).some((oid) => tables.has(oid));
  }

  async close(): Promise<void> {
    await this.#feed?.close();
  }

  changed({ tags, committedAtMs, endLsn }: ChangeReport): Promise<void> {
    if (this.#options.router.hasReplicas) this.#recent.note(tags, endLsn);
    const purged = this.#options.cache.purge(tags);
    const nowMs = Date.now();
    for (const atMs of committedAtMs) this.#metrics.delay.observe(Math.max(0, nowMs - atMs) / 1000);
    return purged;
  }

  lost(reason: LossReason, before: Lsn): Promise<void> {
    this.#metrics.flushed(reason);
    if (reason === "start") {
      this.#mode = "following";
      // Another log may count from elsewhere.
      this.#recent = new RecentChanges();
    }
    this.#recent.noteAll(before);
    const names = this.#names;
    if (names === undefined) return Promise.resolve();
    return this.#options.cache.purge([...this.#tables].map((oid) => names.table(oid)));
  }

  joined(seen: Lsn): void {
    this.#mode = "following";
    this.#recent = new RecentChanges();
    this.#recent.noteAll(seen);
  }

  placed(tags: readonly string[], before: Lsn): void {
    this.#recent.note(tags, before);
  }

  proven(atMs: number): void {
    this.#provenAtMs = Math.max(this.#provenAtMs, atMs);
  }

  interrupted(): void {
    if (this.#mode !== "following") return;
    this.#provenAtMs = Number.NEGATIVE_INFINITY;
    // What was stored to be purged is not to be used as if it were only stored for a time.
    void this.lost("interruption", NO_LSN);
    this.#mode = this.#otherMode;
  }

  restructured(): void {
    this.#options.restructured();
  }

  counted(kind: ChangeKind): void {
    this.#metrics.counted(kind);
  }

  /** The tables that a relation stands on, as far as that is known. */
  #tablesOf(relation: number): readonly number[] {
    const dependency = this.#source?.dependencies.of(relation);
    return dependency?.kind === "tables" ? [relation, ...dependency.tables] : [relation];
  }

  /** What is done while changes are not followed. */
  get #otherMode(): Mode {
    const { ttlMs, tables } = this.#options.settings.queryCache;
    return ttlMs !== null || tables.some((entry) => /=\d+[a-z]+$/.test(entry)) ? "timed" : "off";
  }

  async #renew({ names }: TagSource): Promise<void> {
    if (this.#options.settings.changes.follow === "none") {
      await this.lost("structure", NO_LSN);
      return;
    }
    if (this.#feed !== undefined) {
      await this.#feed.renew();
      return;
    }
    const { nodes } = this.#options.cache;
    this.#feed =
      nodes === undefined
        ? this.#createFeed(names, this)
        : new SharedFeed({
            nodes,
            name: `changes.${this.#prefix}`,
            createFeed: (sink) => this.#createFeed(names, sink),
            openProbe: () => openProbe(this.#target),
            version: () => this.#source?.dependencies.version,
            disagreed: (version) => this.#disagreed(version),
            sink: this,
            log: this.#options.log,
          });
  }

  /** The database whose changes are followed. */
  get #target(): PoolSettings {
    const { changes, pool } = this.#options.settings;
    return { ...pool, url: changes.url ?? this.#options.router.primaryUrl };
  }

  #createFeed(names: TagNames, sink: ChangeSink): Feed {
    const { settings, log } = this.#options;
    const { changes } = settings;
    const scheme = (): TagScheme => this.#told.scheme;
    const rowTags = createRowTags(names, scheme, () => this.restructured());
    const ways: Readonly<Record<ChangeWay["means"], ChangeWay>> = {
      log: createReplicationWay({
        slot: changes.slot,
        maxRetainedBytes: changes.maxRetained,
        publication: {
          name: changes.publication ?? publicationName(this.#prefix ?? ""),
          isOurs: changes.publication === null,
        },
        rowTags,
        names,
        sink,
        log,
      }),
      triggers: createTriggerWay({ names, scheme, sink }),
    };
    return createSessionFeed({
      settings: () => this.#target,
      way: () => ways[this.#told.means],
      sink,
      log,
      refused: ({ means }) => {
        if (means !== "log" || changes.follow !== "auto" || this.#isLogRefused) return;
        // There may be triggers.
        this.#isLogRefused = true;
        this.restructured();
      },
      tables: () => {
        const { tables, left } = this.#told;
        const barred = left.filter(({ reason }) => reason === "no-identity").map(({ oid }) => oid);
        return { followed: [...tables.values()], barred: new Set(barred) };
      },
    });
  }

  /** What is told of, as far as it is known. */
  get #told(): Pick<Dependencies, "means" | "tables" | "left" | "scheme"> {
    return this.#source?.dependencies ?? NOTHING;
  }

  /** The node that follows the changes knows another structure, or follows them by other means. */
  #disagreed(version: string): void {
    if (this.#options.settings.changes.follow === "auto") this.#isLogRefused = version.startsWith("triggers:");
    this.restructured();
  }
}

/** A commit mostly arrives within some milliseconds. */
const WRITE_PATIENCE_MS = 100;
/** A stream that is so late is about to be given up. */
const OVERDUE_MS = 15_000;
const MOST_OVERDUE = 1000;

/** Replies are kept until they are out of date, kept for a time, or not kept. */
type Mode = "following" | "timed" | "off";

const NOTHING: Pick<Dependencies, "means" | "tables" | "left" | "scheme"> = {
  means: "log",
  tables: new Map(),
  left: [],
  scheme: { tableOf: () => undefined, partitioned: [] },
};

function ignoreUnavailable(error: unknown): ReadonlySet<number> {
  if (error instanceof FeedUnavailable) return new Set();
  throw error;
}
