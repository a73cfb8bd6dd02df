import type { Log } from "../../api/source.ts";
import type { BatchEvents } from "../batch/batches.ts";
import type { PoolSettings } from "../pool/index.ts";
import { createPositionHistory } from "./history.ts";
import type { Position } from "./position.ts";
import type { ServerReport } from "./probe.ts";
import { Server } from "./server.ts";

/** A known address, which may be the primary's. */
export interface ServerAddress {
  /** For logs and metrics, `host:port`. */
  readonly label: string;
  readonly pool: PoolSettings;
  readonly batches: BatchEvents;
}

export interface TopologyOptions {
  readonly addresses: readonly ServerAddress[];
  readonly checkIntervalMs: number;
  readonly maxLagMs: number;
  readonly log: Log;
}

/**
 * What a server is to us. `stale`: a primary, or a replica of one, of a timeline that a promotion has ended; `foreign`: of another
 * cluster or database. Neither gets anything.
 */
export type Role = "primary" | "replica" | "stale" | "foreign" | "down";

/** Who is primary, who follows it, and how far behind. */
export class Topology {
  readonly servers: readonly Server[];
  /** The last known primary, also while it does not answer; undefined when none was ever seen, or it has become a standby. */
  primary: Server | undefined;
  /** Times that the primary was found at another address. */
  moves = 0;
  /** Called when `primary` has changed. */
  onMove: () => void = () => undefined;
  /** Called when anything is known of a server that was not before. */
  onNews: () => void = () => undefined;

  readonly #options: TopologyOptions;
  readonly #history = createPositionHistory();
  #cluster: string | undefined;
  #database: string | undefined;
  /** The primary's, or the highest seen while none was. */
  #timeline = 0;
  /** When the primary's process started. */
  #startedAt = "";
  #hadPrimary = false;
  readonly #warned = new Set<string>();

  constructor(options: TopologyOptions) {
    this.#options = options;
    this.servers = options.addresses.map(
      (address) =>
        new Server({
          ...address,
          checkIntervalMs: options.checkIntervalMs,
          log: options.log,
          onChange: (server) => {
            this.#review(server);
            this.onNews();
          },
        }),
    );
  }

  /** Which cluster this is (see `clusterOf`); undefined before any server has answered. */
  get cluster(): string | undefined {
    return this.#cluster;
  }

  get timeline(): number {
    return this.#timeline;
  }

  /** Asks every server now. Resolves when all have answered or are known not to. */
  async probeAll(): Promise<void> {
    await Promise.all(this.servers.map(async (server) => server.probe()));
  }

  roleOf(server: Server): Role {
    const { report } = server;
    if (report === undefined) return "down";
    if (!this.#isOurs(report)) return "foreign";
    if (report.position.timeline !== this.#timeline) return "stale";
    if (report.isStandby) return "replica";
    return server === this.primary ? "primary" : "stale";
  }

  /** Replicas that may be read from, whatever their lag. */
  isReplica(server: Server, now: number): boolean {
    return this.roleOf(server) === "replica" && now >= server.ejectedUntil;
  }

  /**
   * How old a read of this server may be: the time since the primary was last known to have nothing more. While the primary is away
   * nothing is committed, so time stands still for it; what the replica has received and not replayed still ages.
   */
  lagMs({ report }: Server, now: number): number {
    if (report === undefined) return Infinity;
    const { latestAt } = this.#history;
    const isAway = this.primary?.report === undefined;
    const ownLag = isAway && report.hasBacklog ? (report.replayAgeMs ?? Infinity) : 0;
    if (latestAt === -Infinity) return ownLag;
    const asOf = this.#history.currentAsOf(report.position.lsn);
    return Math.max(ownLag, (isAway ? latestAt : now) - asOf);
  }

  isFresh(server: Server, now: number): boolean {
    return this.lagMs(server, now) <= this.#options.maxLagMs;
  }

  /** Until when, without news, `isReplica` and `isFresh` stay as they are. */
  staysUntil(server: Server, now: number): number {
    if (now < server.ejectedUntil) return server.ejectedUntil;
    const left = this.#options.maxLagMs - this.lagMs(server, now);
    return left < 0 || this.primary?.report === undefined ? Infinity : now + left;
  }

  /** Log that the server has not replayed, as far as is known. */
  lagBytes({ report }: Server): number | undefined {
    const written = this.#history.latestLsn;
    if (report === undefined || written === undefined) return undefined;
    return Math.max(0, Number(written - report.position.lsn));
  }

  /** Somebody committed on the primary: where the log was then, and a time before. */
  committed({ cluster, timeline, lsn }: Position, at: number): void {
    if (cluster === this.#cluster && timeline === this.#timeline) this.#history.add(lsn, at);
  }

  async close(): Promise<void> {
    await Promise.all(this.servers.map(async (server) => server.close()));
  }

  #review(changed: Server): void {
    const before = this.primary;
    this.#identify();
    this.#findPrimary();
    // Its answer may have come before it was known to be the primary's.
    if (this.primary?.report !== undefined && (changed === this.primary || before !== this.primary)) {
      this.#follow(this.primary.report, this.primary.askedAt);
    }
    const { report } = changed;
    if (report === undefined || this.#cluster === undefined || changed === this.primary) return;
    if (this.roleOf(changed) === "foreign") {
      this.#warn(changed, "a database server belongs to another cluster or serves another database; it is not used");
    } else if (!report.isStandby) {
      this.#warn(changed, "a second primary, of an older timeline, answers; it is not used");
    }
  }

  #follow({ position, startedAt }: ServerReport, askedAt: number): void {
    // What was written last before a crash may be gone: positions can go back.
    if (startedAt !== this.#startedAt) this.#history.clear();
    this.#startedAt = startedAt;
    this.#history.add(position.lsn, askedAt);
  }

  /**
   * Which cluster and database is ours: that of the first address with a primary, or of the first that answers where there is none.
   * Settled until nobody of it answers.
   */
  #identify(): void {
    const reports = this.servers.flatMap(({ report }) => (report === undefined ? [] : [report]));
    if (reports.some((report) => this.#isOurs(report))) return;
    // At the start answers come in any order.
    if (this.#cluster === undefined && this.servers.some(({ isAsked }) => !isAsked)) return;
    const found = reports.find(({ isStandby }) => !isStandby) ?? reports[0];
    if (found === undefined) return;
    this.#cluster = found.position.cluster;
    this.#database = found.database;
    this.#timeline = 0;
    this.primary = undefined;
  }

  /**
   * The primary of the highest timeline. One that does not answer stays what it was until another one does, or until standbys follow a
   * later timeline than its own.
   */
  #findPrimary(): void {
    const ours = this.servers.filter(({ report }) => report !== undefined && this.#isOurs(report));
    const before = this.primary;
    let found = before?.report === undefined || isPrimary(before) ? before : undefined;
    let timeline = this.#timeline;
    for (const server of ours.filter(isPrimary)) {
      const isLater = timelineOf(server) > timeline;
      const isVacant = timelineOf(server) === timeline && (found === undefined || found.report === undefined);
      if (!isLater && !isVacant) continue;
      found = server;
      timeline = timelineOf(server);
    }
    if (found?.report === undefined) timeline = Math.max(timeline, ...ours.map(timelineOf));
    else if (timelineOf(found) < timeline) found = undefined;
    if (found === before && timeline === this.#timeline) return;
    this.#timeline = timeline;
    this.#history.clear();
    if (found !== before) this.#moved(before, found);
  }

  #moved(before: Server | undefined, found: Server | undefined): void {
    this.primary = found;
    this.#startedAt = "";
    const { log } = this.#options;
    if (found === undefined) {
      log.warn({ server: before?.label }, "the primary has become a standby, and no other is known");
    } else {
      if (before !== undefined || this.#hadPrimary) this.moves++;
      log.info({ server: found.label, timeline: this.#timeline }, "the primary is found");
      this.#hadPrimary = true;
    }
    this.onMove();
  }

  #isOurs({ position, database }: ServerReport): boolean {
    return position.cluster === this.#cluster && database === this.#database;
  }

  /** Once a server. */
  #warn({ label }: Server, message: string): void {
    if (this.#warned.has(label + message)) return;
    this.#warned.add(label + message);
    this.#options.log.error({ server: label }, message);
  }
}

function isPrimary({ report }: Server): boolean {
  return report !== undefined && !report.isStandby;
}

function timelineOf({ report }: Server): number {
  return report?.position.timeline ?? 0;
}
