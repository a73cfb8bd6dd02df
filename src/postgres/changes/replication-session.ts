import { setTimeout as delay } from "node:timers/promises";
import type { ChangeSession } from "./change-way.ts";
import type { ChangeReport, ChangeSink, LossReason } from "./change-sink.ts";
import type { FeedStats } from "./feed.ts";
import { type Lsn, NO_LSN } from "./lsn.ts";
import { type ArrivedTransaction, PendingTransactions } from "./pending.ts";
import { createPgoutputDecoder, type PgoutputDecoder, type TableDescription } from "./pgoutput.ts";
import type { Probe, ProbeResult } from "./probe.ts";
import type { ReplicationConnection, ReplicationReceiver } from "./replication-connection.ts";
import { OwnCommits } from "./own-commits.ts";
import type { RowTags } from "./row-tags.ts";
import type { TagNames } from "./tag-names.ts";
import { isOver, toLowXid } from "./visibility.ts";
import { Waiters } from "./waiters.ts";

/** What a session works with. */
export interface SessionParts {
  readonly probe: Probe;
  readonly connection: ReplicationConnection;
  readonly rowTags: RowTags;
  readonly names: TagNames;
  readonly sink: ChangeSink;
  /** How much later than its commit a transaction may reach the log: what is proven is proven for so much earlier. */
  readonly asyncCommitMs: number;
}

/** One unbroken stream of changes, from its start to its end. */
export class ReplicationSession implements ChangeSession, ReplicationReceiver {
  readonly #parts: SessionParts;
  readonly #decoder: PgoutputDecoder;
  readonly #pending = new PendingTransactions();
  readonly #descriptions = new Map<number, string>();
  readonly #ended = Promise.withResolvers<Error>();
  readonly #ticker: NodeJS.Timeout;
  /** Looks at the database that the stream has not come up to, the oldest first. */
  #looks: ProbeResult[] = [];
  #transaction: Draft | undefined;
  #reached: Lsn = NO_LSN;
  #latest: Lsn = NO_LSN;
  #confirmable: Lsn = NO_LSN;
  #purging: Promise<void> = Promise.resolve();
  /** Transactions that were under way when the stream began, or when tables were added to it. */
  #overlapping: number[] = [];
  readonly #waiters = new Waiters();
  readonly #own = new OwnCommits();
  #isWorking = false;
  #isAskedAgain = false;
  #isPaused = false;
  #isTickDue = false;

  constructor(parts: SessionParts) {
    this.#parts = parts;
    this.#decoder = createPgoutputDecoder((table) => parts.rowTags.describe(table));
    this.#ticker = setInterval(() => {
      this.#isTickDue = true;
      this.#work();
    }, TICK_MS);
    this.#ticker.unref();
    void parts.probe.ended.then(this.#ended.resolve);
    void parts.connection.ended.then(this.#ended.resolve);
    void this.#ended.promise.then(() => this.close());
  }

  /** Settles when the stream is over, with the reason. Never rejects. */
  get ended(): Promise<Error> {
    return this.#ended.promise;
  }

  stats(): FeedStats {
    const { size: pending, dealtWith: passed } = this.#pending;
    return { lagBytes: Math.max(0, this.#latest - this.#reached), pending, passed };
  }

  isPlaced(): boolean {
    return true;
  }

  place(): Promise<void> {
    return Promise.resolve();
  }

  /**
   * Has everything go, as what was committed before the stream began, or before tables were added to it, was not told. Some of it may yet become
   * visible: a transaction that this snapshot takes for running may be in the log already. When it is over, everything goes once more.
   */
  async overlap(reason: LossReason): Promise<void> {
    const { snapshot, lsn } = await this.#parts.probe.look();
    this.#overlapping = [...new Set([...this.#overlapping, ...snapshot.running])];
    await this.#parts.sink.lost(reason, lsn);
  }

  caughtUp(limitMs: number, xid?: number): Promise<boolean> {
    if (xid !== undefined) return this.#caughtUpWith(toLowXid(xid), limitMs);
    const caughtUp = this.#waiters.wait(limitMs);
    this.#work();
    return caughtUp;
  }

  endOf(xid: number): Lsn | undefined {
    return this.#own.endOf(toLowXid(xid));
  }

  async #caughtUpWith(xid: number, limitMs: number): Promise<boolean> {
    if (this.#own.endOf(xid) !== undefined) return true;
    const arrived = this.#pending.takeOne(xid);
    if (arrived !== undefined) {
      this.#purge(arrived);
      return true;
    }
    this.#parts.probe.hastenCommits();
    const ownMs = Math.min(limitMs, OWN_PATIENCE_MS);
    // One that changed nothing of what is followed may never be told of.
    return (await this.#own.wait(xid, ownMs)) || (limitMs > ownMs && this.caughtUp(limitMs - ownMs));
  }

  /** The tables' columns are tagged differently from now on. */
  renew(): void {
    this.#decoder.renew();
  }

  close(): void {
    clearInterval(this.#ticker);
    this.#ended.resolve(new Error("The stream was closed."));
    this.#parts.connection.close();
    this.#parts.probe.close();
  }

  message(content: Buffer, isWhole: boolean): void {
    const message = this.#decoder.decode(content, isWhole);
    switch (message.kind) {
      case "begin":
        this.#transaction = { ...message, tags: new Set(), tables: new Set() };
        return;
      case "commit":
        this.#commit(message.endLsn);
        return;
      case "table":
        this.#describe(message);
        return;
      case "other":
        return;
      default:
        this.#parts.sink.counted(message.kind);
        if (this.#transaction === undefined) throw new Error("A change came outside of a transaction.");
        this.#addTags(this.#transaction, message);
    }
  }

  reached(lsn: Lsn): void {
    this.#reached = Math.max(this.#reached, lsn);
    this.#pending.reached(this.#reached);
    if (this.#pending.size === 0 && !this.#isWorking) this.#prove(this.#provenBy());
  }

  #addTags(transaction: Draft, change: Parameters<RowTags["add"]>[0]): void {
    for (const oid of change.kind === "truncate" ? change.tables : [change.table]) transaction.tables.add(oid);
    if (transaction.tags === undefined) return;
    this.#parts.rowTags.add(change, transaction.tags);
    // Beyond this it is about nearly everything in the tables anyway.
    if (transaction.tags.size > MOST_TAGS) transaction.tags = undefined;
  }

  #commit(endLsn: Lsn): void {
    const transaction = this.#transaction;
    this.#transaction = undefined;
    if (transaction === undefined) throw new Error("A commit came outside of a transaction.");
    const { names } = this.#parts;
    const tags = transaction.tags ?? new Set([...transaction.tables].map((oid) => names.table(oid)));
    if (tags.size > 0) {
      const { xid, committedAtMs } = transaction;
      const arrived = { xid, committedAtMs, tags, endLsn };
      this.#pending.add(arrived);
      if (!this.#own.has(xid)) this.#work();
      else if (this.#pending.takeOne(xid) !== undefined) this.#purge(arrived);
    }
    if (tags.size === 0) this.#own.purged(transaction.xid, endLsn);
    this.reached(endLsn);
    if (this.#pending.tagCount > MOST_PENDING_TAGS && !this.#isPaused) {
      this.#isPaused = true;
      this.#parts.connection.pause();
    }
  }

  #describe(table: TableDescription): void {
    const description = JSON.stringify(table);
    const before = this.#descriptions.get(table.oid);
    this.#descriptions.set(table.oid, description);
    if (before !== undefined && before !== description) this.#parts.sink.restructured();
  }

  /** Purges what a transaction has changed that is known to be visible. */
  #purge(transaction: ArrivedTransaction): void {
    const purges = [this.#purging, this.#parts.sink.changed(toReport([transaction]))];
    this.#purging = this.#confirmAfter(this.#pending.dealtWith, purges);
    this.#own.purged(transaction.xid, transaction.endLsn);
  }

  /** Does what there is to do, one round after another: rounds gather what arrives meanwhile. */
  #work(): void {
    this.#isAskedAgain = true;
    if (this.#isWorking) return;
    this.#isWorking = true;
    void this.#rounds().catch((error: unknown) => {
      this.#ended.resolve(error instanceof Error ? error : new Error(String(error)));
    });
  }

  async #rounds(): Promise<void> {
    let pauseMs = ROUND_MS;
    try {
      while (this.#isAskedAgain) {
        this.#isAskedAgain = false;
        const isSomethingVisible = await this.#round();
        // A commit that waits for standbys may take long to become visible.
        pauseMs = isSomethingVisible ? ROUND_MS : Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
        if (this.#pending.size + this.#waiters.size > 0) this.#isAskedAgain = true;
        if (this.#isAskedAgain) await delay(this.#waiters.size > 0 ? Math.min(pauseMs, AWAITED_PAUSE_MS) : pauseMs);
      }
    } finally {
      this.#isWorking = false;
    }
  }

  /** Answers whether something could be purged. */
  async #round(): Promise<boolean> {
    const { probe, sink, connection } = this.#parts;
    const look = await (this.#waiters.size > 0 ? probe.lookBehindCommits() : probe.look());
    this.#latest = Math.max(this.#latest, look.lsn);
    this.#keepLook(look);
    const visible = this.#pending.take(look.snapshot);
    // All that was committed before the stream got here has arrived, and what the snapshot sees of it is in `visible`.
    const provenBy = this.#provenBy();
    const isOverlapOver = this.#overlapping.some((xid) => isOver(look.snapshot, xid));
    if (isOverlapOver) this.#overlapping = this.#overlapping.filter((xid) => !isOver(look.snapshot, xid));
    const { dealtWith } = this.#pending;
    const purges = [this.#purging];
    if (visible.length > 0) purges.push(sink.changed(toReport(visible)));
    for (const { xid, endLsn } of visible) this.#own.purged(xid, endLsn);
    if (isOverlapOver) purges.push(sink.lost("overlap", look.lsn));
    this.#purging = this.#confirmAfter(dealtWith, purges);
    this.#prove(provenBy);
    if (this.#isPaused && this.#pending.tagCount < MOST_PENDING_TAGS / 2) {
      this.#isPaused = false;
      connection.resume();
    }
    // Without a question the server says how far it is only when there is a change to tell.
    if (this.#isTickDue || this.#waiters.size > 0) {
      this.#isTickDue = false;
      connection.confirm(this.#confirmable, true);
    }
    return visible.length > 0;
  }

  /** Other nodes may still have to hear of what was purged; until then the server must tell it again if this one fails. */
  async #confirmAfter(dealtWith: Lsn, purges: readonly Promise<void>[]): Promise<void> {
    await Promise.all(purges);
    this.#confirmable = Math.max(this.#confirmable, dealtWith);
  }

  #keepLook(look: ProbeResult): void {
    const last = this.#looks.at(-1);
    const isAwaited = this.#waiters.size > 0;
    if (!isAwaited && last !== undefined && look.askedAtMs - last.askedAtMs < TICK_MS / 4) return;
    this.#looks.push(look);
    // The stream is far behind; which of the looks in the middle it comes up to next hardly matters.
    if (this.#looks.length > MOST_LOOKS) this.#looks = this.#looks.filter((_, index) => index % 2 === 0);
  }

  /** The last look that the stream has come up to. */
  #provenBy(): ProbeResult | undefined {
    return this.#looks.findLast(({ lsn }) => lsn <= this.#reached);
  }

  #prove(look: ProbeResult | undefined): void {
    if (look === undefined) return;
    this.#looks = this.#looks.filter(({ askedAtMs }) => askedAtMs > look.askedAtMs);
    this.#waiters.reached(look.askedAtMs);
    this.#parts.sink.proven(look.askedAtMs - this.#parts.asyncCommitMs);
  }
}

interface Draft {
  readonly xid: number;
  readonly committedAtMs: number;
  /** `undefined`: too many to keep. */
  tags: Set<string> | undefined;
  readonly tables: Set<number>;
}

/** How often the database is looked at when nothing happens. */
const TICK_MS = 500;
const ROUND_MS = 1;
const LONGEST_PAUSE_MS = 10;
/** A transaction of our own mostly arrives with the confirmation of its commit. */
const OWN_PATIENCE_MS = 30;
/** While somebody waits for what was committed just now. */
const AWAITED_PAUSE_MS = 4;
/** Of one transaction; one that changes more purges everything from its tables. */
const MOST_TAGS = 5000;
/** Of all transactions that wait; beyond it the stream is not read. */
const MOST_PENDING_TAGS = 100_000;
const MOST_LOOKS = 64;

function toReport(transactions: readonly ArrivedTransaction[]): ChangeReport {
  const [only] = transactions;
  const committedAtMs = transactions.map((transaction) => transaction.committedAtMs);
  const endLsn = Math.max(...transactions.map((transaction) => transaction.endLsn));
  if (transactions.length === 1 && only !== undefined) return { tags: [...only.tags], committedAtMs, endLsn };
  const tags = new Set<string>();
  for (const transaction of transactions) for (const tag of transaction.tags) tags.add(tag);
  return { tags: [...tags], committedAtMs, endLsn };
}
