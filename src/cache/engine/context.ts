import type { SourceReply } from "../../api/source.ts";
import type { SourceRequest } from "../../api/source-request.ts";
import type { CacheControl } from "../../http/cache-control.ts";
import type { FreshnessRules } from "../../http/freshness.ts";
import type { FlightLock } from "../flight-lock.ts";
import type { CacheStore, StoredReply } from "../store.ts";
import type { Entry } from "./entry.ts";
import type { Fills } from "./fills.ts";
import type { Flights } from "./flights.ts";
import type { GatheringRoom } from "./gather.ts";
import type { Passes } from "./passes.ts";
import type { CacheEngineSettings } from "./settings.ts";

/** Asks the source. */
export type Resolve = (request: SourceRequest) => SourceReply | Promise<SourceReply>;

/** What the parts of an engine share. */
export interface EngineContext {
  readonly store: CacheStore;
  readonly settings: CacheEngineSettings;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  /** Between 0 and 1. */
  readonly random: () => number;
  readonly rules: FreshnessRules;
  readonly entryOf: (stored: StoredReply) => Entry;
  readonly flights: Flights;
  /** Lets one node fetch for all; `undefined` where nodes share no store. */
  readonly lock: FlightLock | undefined;
  readonly fills: Fills;
  readonly passes: Passes;
  readonly room: GatheringRoom;
  readonly counts: EngineCounts;
}

/** A request that the store alone did not answer. */
export interface Exchange {
  readonly request: SourceRequest;
  readonly resolve: Resolve;
  readonly key: string;
  readonly identity: string;
  readonly directives: CacheControl;
  /** Nobody waits for the reply: it is fetched for the store. */
  readonly isUnattended: boolean;
  /** Stored parts of what is asked for. */
  readonly parts: readonly Entry[];
}

/** What happened since the engine was made. */
export interface EngineCounts {
  /** Answered from the store without asking the source. */
  hits: number;
  /** Among the hits those that were stale: being refreshed behind, or because the source failed. */
  staleHits: number;
  misses: number;
  /** Confirmed by a 304. */
  revalidations: number;
  /** Answered with what another request fetched. */
  collapsed: number;
  /** Refreshes behind the backs of clients, and those that failed. */
  refreshes: number;
  failedRefreshes: number;
  /** Replies stored, and replies not stored for a purge that came while they were fetched. */
  stored: number;
  outrun: number;
}
