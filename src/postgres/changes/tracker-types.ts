import type { PostgresSettings } from "../../api/settings.ts";
import type { Log, MetricsRegistry, SourceCache } from "../../api/source.ts";
import type { CatalogQuery } from "../catalog/catalog-query.ts";
import type { Catalog } from "../catalog/types.ts";
import type { Position, ReadOrigin, Router } from "../replicas/index.ts";
import type { TagSource } from "./read-tags.ts";

/** What a tracker works with. */
export interface TrackerOptions {
  readonly settings: PostgresSettings;
  readonly log: Log;
  readonly metrics: MetricsRegistry;
  readonly cache: SourceCache;
  readonly query: CatalogQuery;
  readonly router: Pick<Router, "hasReplicas" | "primaryUrl" | "onMove">;
  /** The catalog is to be read again. */
  readonly restructured: () => void;
}

/** Follows the changes of a database, and removes the replies they make out of date. */
export interface Tracker {
  /** Whether the cache may be asked. */
  readonly isUsable: boolean;
  /** Whether changes are followed, so that what is stored is at most as old as the settings allow. */
  readonly isCurrent: boolean;
  /** A write of ours has been answered, and what it changed has not been purged yet. */
  readonly isBehind: boolean;
  /** Replies of routes have tags of this database: writes of ours take them away also while no replies of its own are cached. */
  hasGuests: boolean;
  /** Why changes are not followed, in words; `undefined` while they are. */
  readonly reason: string | undefined;
  /** Reads what the replies from a catalog depend on. */
  prepare(catalog: Catalog): Promise<TagSource>;
  /** From now on replies are tagged so. Everything that was stored before goes; until then nothing is current. */
  adopt(source: TagSource): void;
  /** What replies depend on was read again, and is as before. */
  confirm(): void;
  /** Whether a reply with these tags, read by somebody who has seen so much, may be stored. */
  isSeen(tags: readonly string[], origin: ReadOrigin): boolean;
  /** Whether every stored reply has seen as much. */
  covers(position: Position): boolean;
  /**
   * To be awaited after a write of ours has been committed, and before its client is told: whoever asks afterwards then sees it, from the
   * cache, too.
   *
   * @param table the relation that was written to; undefined where nobody knows
   * @param xid full number of its transaction, `null` where it changed nothing; undefined where nobody knows
   */
  written(table: number | undefined, xid?: number | null): Promise<void>;
  /** Whether it mostly knows, once a write of ours is purged, where its transaction ends. */
  readonly tellsEnds: boolean;
  /** Where a transaction of ours, by its full number, ends in the log; undefined unless it was purged a moment ago. */
  endOf(xid: number): Position | undefined;
  close(): Promise<void>;
}
