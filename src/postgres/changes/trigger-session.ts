import { randomBytes } from "node:crypto";
import { type Client, escapeIdentifier } from "pg";
import { connect, createClient, destroyClient } from "../pool/open.ts";
import type { PoolSettings } from "../pool/types.ts";
import type { ChangeSink, LossReason } from "./change-sink.ts";
import type { ChangeSession } from "./change-way.ts";
import type { FeedStats } from "./feed.ts";
import { type Lsn, NO_LSN, toLsn } from "./lsn.ts";
import type { Probe } from "./probe.ts";
import type { TagScheme } from "./row-tags.ts";
import type { TagNames } from "./tag-names.ts";
import { TRACK_CHANNEL } from "./trigger-names.ts";
import { addToldTags, parseToldChange } from "./trigger-payload.ts";
import { FeedUnavailable } from "./unavailable.ts";
import { UnplacedTags } from "./unplaced-tags.ts";
import { Waiters } from "./waiters.ts";

// PostgreSQL delivers notifications in the order of their commits, and a listener gets one only once whoever reads sees what its transaction
// did. So a purge need not wait, as one from the log has to (`pending.ts`). How far the notifications are is told by one of our own: a token, sent by
// another connection to a channel of this session's. When it is back, whatever was visible when it was sent has been told.

/** What a session works with. */
export interface TriggerSessionParts {
  readonly probe: Probe;
  readonly names: TagNames;
  readonly scheme: () => TagScheme;
  readonly sink: ChangeSink;
}

/** Listens to what the triggers tell, from its start to its end. */
export class TriggerSession implements ChangeSession {
  readonly channel = `hotpath_${randomBytes(8).toString("hex")}`;
  readonly #parts: TriggerSessionParts;
  readonly #client: Client;
  readonly #ended = Promise.withResolvers<Error>();
  readonly #waiters = new Waiters();
  /** Tables that the scheme does not know: told of since it was read, and before. */
  readonly #strangers = new Set<number>();
  readonly #settled = new Set<number>();
  /** Tags to be purged in this turn. */
  readonly #told = new Set<string>();
  #isTelling = false;
  /** Tags of changes whose place in the log is not known; and those that the token under way will place. */
  readonly #arrived = new UnplacedTags();
  #placing: UnplacedTags | undefined;
  #passed: Lsn = NO_LSN;
  #ticker: NodeJS.Timeout | undefined;
  /** What was stored before has gone. */
  #isBegun = false;
  #isAsking = false;
  #isAskedAgain = false;
  #awaited: { readonly token: string; readonly resolve: () => void } | undefined;

  constructor(settings: PoolSettings, parts: TriggerSessionParts) {
    this.#parts = parts;
    this.#client = createClient({ ...settings, startup: STARTUP }, { statement_timeout: false });
    void parts.probe.ended.then(this.#ended.resolve);
    void this.#ended.promise.then(() => this.close());
  }

  /** Resolves once notifications arrive. */
  async start(): Promise<void> {
    const client = this.#client;
    await connect(client);
    client.on("error", this.#ended.resolve);
    client.on("end", () => this.#ended.resolve(new Error("The connection has ended.")));
    client.on("notification", ({ channel, payload = "" }) => this.#notified(channel, payload));
    await client.query(`listen ${escapeIdentifier(TRACK_CHANNEL)}`);
    await client.query(`listen ${escapeIdentifier(this.channel)}`);
    if (!(await this.#ask())) {
      throw new FeedUnavailable(
        "notifications do not arrive",
        "name the database itself with --changes-url, not a pooler",
      );
    }
    this.#ticker = setInterval(() => this.#work(), TICK_MS).unref();
  }

  /** Settles when the session is over, with the reason. Never rejects. */
  get ended(): Promise<Error> {
    return this.#ended.promise;
  }

  stats(): FeedStats {
    return { lagBytes: 0, pending: 0, passed: this.#passed };
  }

  isPlaced(tags: readonly string[]): boolean {
    return !this.#arrived.hasAny(tags) && this.#placing?.hasAny(tags) !== true;
  }

  async place(): Promise<void> {
    // A token that is sent from now on comes after all of it.
    await this.caughtUp(TOKEN_MS);
  }

  async overlap(reason: LossReason): Promise<void> {
    // Also what is visible already and not on the disk yet.
    const [[lsn] = []] = await this.#parts.probe.query("select pg_current_wal_insert_lsn()::text");
    await this.#parts.sink.lost(reason, toLsn(lsn ?? "0/0"));
    this.#isBegun = true;
    this.#work();
  }

  caughtUp(limitMs: number): Promise<boolean> {
    const caughtUp = this.#waiters.wait(limitMs);
    this.#work();
    return caughtUp;
  }

  endOf(): undefined {
    return undefined;
  }

  renew(): void {
    // What is still not known is nothing that replies depend on.
    for (const table of this.#strangers) this.#settled.add(table);
    this.#strangers.clear();
    if (this.#settled.size > MOST_STRANGERS) this.#settled.clear();
  }

  close(): void {
    clearInterval(this.#ticker);
    this.#ended.resolve(new Error("The session was closed."));
    this.#awaited?.resolve();
    destroyClient(this.#client);
    this.#parts.probe.close();
  }

  #notified(channel: string, payload: string): void {
    if (channel === this.channel) {
      if (payload === this.#awaited?.token) this.#awaited.resolve();
      return;
    }
    const change = channel === TRACK_CHANNEL ? parseToldChange(payload) : undefined;
    if (change === undefined) return;
    const { sink, names, scheme } = this.#parts;
    sink.counted("notified");
    addToldTags(change, scheme(), names, this.#isStrange(change.table), this.#told);
    if (this.#isTelling) return;
    this.#isTelling = true;
    // With what else came in the same piece; a token among it is not seen before.
    queueMicrotask(() => {
      const tags = [...this.#told];
      this.#told.clear();
      this.#isTelling = false;
      this.#arrived.add(tags);
      // The place becomes known later; until then replies from replicas with these tags are not stored.
      void sink.changed({ tags, committedAtMs: [], endLsn: NO_LSN });
    });
  }

  /** Whether nothing is known of a table, and has not been looked for either. */
  #isStrange(table: number): boolean {
    const { scheme, sink } = this.#parts;
    if (this.#settled.has(table) || scheme().tableOf(table) !== undefined) return false;
    if (this.#strangers.size < MOST_STRANGERS && !this.#strangers.has(table)) {
      this.#strangers.add(table);
      sink.restructured();
    }
    return true;
  }

  /** Asks how far it is, one question after another. */
  #work(): void {
    this.#isAskedAgain = true;
    if (this.#isAsking) return;
    this.#isAsking = true;
    void this.#questions().catch((error: unknown) => {
      this.#ended.resolve(error instanceof Error ? error : new Error(String(error)));
    });
  }

  async #questions(): Promise<void> {
    try {
      while (this.#isAskedAgain) {
        this.#isAskedAgain = false;
        if (!(await this.#ask())) throw new Error("Notifications do not arrive any more.");
      }
    } finally {
      this.#isAsking = false;
    }
  }

  /** Sends a token and waits for it. Answers whether it came back. */
  async #ask(): Promise<boolean> {
    const { probe, sink } = this.#parts;
    const token = randomBytes(12).toString("base64url");
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.#awaited = { token, resolve: () => resolve(true) };
    const askedAtMs = performance.now();
    const placed = this.#arrived.take();
    const placing = new UnplacedTags();
    placing.add(placed);
    this.#placing = placing;
    const timer = setTimeout(resolve, TOKEN_MS, false);
    try {
      const [[, lsn = "0/0"] = []] = await probe.query(SEND, [this.channel, token]);
      const before = toLsn(lsn ?? "0/0");
      if (placed === undefined) sink.joined(before);
      else if (placed.length > 0) sink.placed(placed, before);
      this.#placing = undefined;
      if (!(await promise)) return false;
      this.#passed = Math.max(this.#passed, before);
      if (this.#isBegun) sink.proven(askedAtMs);
      this.#waiters.reached(askedAtMs);
      return true;
    } finally {
      clearTimeout(timer);
      this.#awaited = undefined;
    }
  }
}

/** A listener that takes nothing any more holds up the queue of all notifications of the server. */
const STARTUP = { tcp_user_timeout: "60000", default_transaction_read_only: "off", search_path: "pg_catalog" } as const;
/** Commits of tokens need not be on the disk: a server that forgets them has forgotten all notifications. */
const SEND =
  "select set_config('synchronous_commit', 'off', true), pg_current_wal_insert_lsn()::text, pg_notify($1, $2)::text";
const TICK_MS = 500;
/** Whoever waits for so long has lost the connection, whatever the network says. */
const TOKEN_MS = 15_000;
const MOST_STRANGERS = 1000;
