import type { PostgresSettings } from "../../api/settings.ts";
import type { Log, MetricsRegistry } from "../../api/source.ts";
import { HotpathError } from "../../errors.ts";
import type { Pool } from "../pool/index.ts";
import { isRefusedByStandby, isServersFault, mayWorkElsewhere, wasNotExecuted } from "./failure.ts";
import { createMovingListener, type MovingListener } from "./moving-listener.ts";
import { consistencyOf, type Need, needOf } from "./need.ts";
import { BEYOND, committedPosition } from "./committed-position.ts";
import { covers, type Position } from "./position.ts";
import { observeReplicas, type RouteReason } from "./metrics.ts";
import { pickServer } from "./pick.ts";
import type { ReadOrigin, Router } from "./router.ts";
import type { Server } from "./server.ts";
import { createStickyWindow } from "./sticky.ts";
import { formatToken } from "./token.ts";
import { type ServerAddress, Topology } from "./topology.ts";

export interface ReplicaRouterOptions {
  readonly settings: PostgresSettings;
  /** Settings of each server's pool, the primary's address first. */
  readonly addresses: readonly ServerAddress[];
  readonly log: Log;
  readonly metrics: MetricsRegistry;
}

/** A replica that lacks more than this is not waited for: one segment of the log. */
const CLOSE_BYTES = 16n * 1024n * 1024n;

/** Where a read goes and why. */
interface Choice {
  readonly server: Server;
  readonly reason: RouteReason;
}

/**
 * Sends reads to the replicas that are fresh enough, writes to the primary, whichever server that is. A read never sees less than its need
 * demands: what a replica has replayed is known from its own report, which is forgotten as soon as one of its connections breaks.
 */
export function createReplicaRouter({ settings, addresses, log, metrics }: ReplicaRouterOptions): Router {
  const { maxLagMs, maxWaitMs, stickyMs, checkIntervalMs } = settings.consistency;
  const topology = new Topology({ addresses, checkIntervalMs, maxLagMs, log });
  const observed = observeReplicas(metrics, topology);
  const sticky = stickyMs === null ? undefined : createStickyWindow(stickyMs);
  const listeners = new Set<MovingListener>();
  /** Where the catalog in use was read: structure that a replica lacks would be looked for in vain there. */
  let floor: Position | undefined;
  const moved = new Set<() => void>();
  /** Replicas that may be read from, as long as nothing changes: worked out once and not for each read. */
  let fresh: { readonly servers: readonly Server[]; readonly until: number } | undefined;
  topology.onNews = () => {
    fresh = undefined;
  };
  topology.onMove = () => {
    if (topology.primary === undefined) return;
    for (const listener of listeners) listener.moveTo(topology.primary.pool);
    for (const listener of moved) listener();
  };

  return {
    tracksPositions: true,
    hasReplicas: true,
    start,
    isFollowed: ({ headers }) => consistencyOf(headers) === "monotonic",
    needOf: (request) => needOf(request) ?? sticky?.find(request),
    read,
    write,
    committed(request, end, startedAt) {
      const { cluster, timeline } = topology;
      const position = committedPosition(end, cluster === undefined ? undefined : { cluster, timeline });
      if (position === undefined) return undefined;
      if (position.lsn !== BEYOND) topology.committed(position, startedAt);
      sticky?.wrote(request, position);
      return formatToken(position);
    },
    catalog,
    get primaryUrl() {
      return (topology.primary ?? topology.servers[0])?.url ?? settings.url;
    },
    onMove: (listener) => void moved.add(listener),
    listen(channel, onNotify, onListening) {
      const listener = createMovingListener(channel, onNotify, onListening, topology.primary?.pool);
      listeners.add(listener);
      return {
        close() {
          listeners.delete(listener);
          return listener.close();
        },
      };
    },
    isReachable: () => topology.servers.some((server) => ["primary", "replica"].includes(topology.roleOf(server))),
    isSaturated: () => topology.servers.some(({ pool }) => pool.isSaturated()),
    async close() {
      await Promise.all([...listeners].map(async (listener) => listener.close()));
      await topology.close();
    },
  };

  async function start(): Promise<void> {
    const [first, ...others] = topology.servers;
    for (const server of others) void server.probe();
    await Promise.all([first?.pool.start(), topology.probeAll()]);
  }

  async function read<T>(
    demand: () => Need,
    attempt: (pool: Pool) => Promise<T>,
    seen?: (token: string) => void,
    from?: (origin: ReadOrigin) => void,
  ): Promise<T> {
    const readFrom = (server: Server): Promise<T> => {
      const isPrimary = server === topology.primary;
      from?.(isPrimary ? "primary" : server.report?.position);
      return isPrimary ? attempt(server.pool) : server.read(attempt);
    };
    const readAndTell = async (server: Server): Promise<T> => {
      const result = await readFrom(server);
      await server.probeAnew();
      if (server.report === undefined) throw unreachable();
      seen?.(formatToken(server.report.position));
      return result;
    };
    const run = seen === undefined ? readFrom : readAndTell;
    const need = demand();
    const choice = choose(need);
    const { server, reason } = choice instanceof Promise ? await choice : choice;
    observed.routed(server !== topology.primary, reason);
    if (server === topology.primary) return run(server);
    try {
      return await run(server);
    } catch (error) {
      if (!mayWorkElsewhere(error)) throw error;
      if (isServersFault(error)) server.failed();
      const other = pickServer(readable(need, server)) ?? topology.primary;
      if (other === undefined) throw error;
      observed.routed(other !== topology.primary, "retried");
      return run(other);
    }
  }

  /** At once where that can be. */
  function choose(need: Need): Choice | Promise<Choice> {
    if (typeof need === "string") return onPrimary(need);
    if (need !== undefined && need.timeline > topology.timeline && need.cluster === topology.cluster) {
      // Another node has seen a promotion that we have not.
      return topology.probeAll().then(() => chooseFor(need));
    }
    return chooseFor(need);
  }

  function chooseFor(need: Position | undefined): Choice | Promise<Choice> {
    if (need !== undefined && (need.timeline !== topology.timeline || need.cluster !== topology.cluster)) {
      return onPrimary("foreign");
    }
    const server = pickServer(readable(need));
    if (server !== undefined) return { server, reason: need === undefined ? "fresh" : "token" };
    const now = performance.now();
    const hasReplica = topology.servers.some((one) => topology.isReplica(one, now));
    if (need === undefined) return onPrimary(hasReplica ? "lagging" : "no-replica");
    const close = readable(undefined).filter(({ report }) => need.lsn - (report?.position.lsn ?? 0n) <= CLOSE_BYTES);
    if (close.length === 0 || maxWaitMs === 0) return onPrimary(hasReplica ? "behind" : "no-replica");
    return waitFor(need, close);
  }

  async function waitFor(need: Position, close: readonly Server[]): Promise<Choice> {
    const reached = close.map(async (server) => ((await server.reaches(need.lsn, maxWaitMs)) ? server : undefined));
    const server = await firstOf(reached);
    // It may have been promoted meanwhile, or ejected.
    const isUsable = server !== undefined && readable(need).includes(server);
    return isUsable ? { server, reason: "waited" } : onPrimary("behind");
  }

  function onPrimary(reason: RouteReason): Choice {
    const { primary } = topology;
    if (primary === undefined)
      throw noPrimary("The state that is asked for is only on the primary, and none is known.");
    return { server: primary, reason };
  }

  /** Replicas that are fresh and have what is needed, but for one that was tried. */
  function readable(need: Need, tried?: Server): readonly Server[] {
    const servers = freshReplicas();
    if (tried === undefined && typeof need !== "object") return servers;
    return servers.filter((server) => server !== tried && (typeof need !== "object" || has(server, need)));
  }

  function freshReplicas(): readonly Server[] {
    const now = performance.now();
    if (fresh === undefined || now >= fresh.until) {
      const servers = topology.servers.filter(
        (server) => topology.isReplica(server, now) && topology.isFresh(server, now) && hasCatalog(server),
      );
      fresh = { servers, until: Math.min(...topology.servers.map((server) => topology.staysUntil(server, now))) };
    }
    return fresh.servers;
  }

  function hasCatalog({ report }: Server): boolean {
    if (report === undefined) return false;
    return floor?.timeline !== report.position.timeline || report.position.lsn >= floor.lsn;
  }

  async function write<T>(attempt: (pool: Pool) => Promise<T>): Promise<T> {
    if (topology.primary === undefined) await topology.probeAll();
    const { primary } = topology;
    if (primary === undefined) throw noPrimary("No primary answers, so nothing can be written.");
    try {
      return await attempt(primary.pool);
    } catch (error) {
      if (!wasNotExecuted(error)) throw error;
      // A primary refuses writes too, those of read-only transactions: then that is the answer.
      if (isRefusedByStandby(error) && !(await isStandby(primary))) throw error;
      if (topology.primary === undefined || topology.primary === primary) await topology.probeAll();
      const next = topology.primary;
      if (next === undefined) throw noPrimary("The primary has become a standby, and no other is known.", error);
      if (next === primary) throw error;
      return attempt(next.pool);
    }
  }

  async function catalog<T>(readFrom: (pool: Pool) => Promise<T>, isKnown: (catalog: T) => boolean): Promise<T> {
    const now = performance.now();
    const { primary } = topology;
    const standIn =
      primary?.report === undefined ? topology.servers.find((one) => topology.isReplica(one, now)) : primary;
    const server = standIn ?? primary ?? topology.servers[0]!;
    const result = await readFrom(server.pool);
    if (isKnown(result)) return result;
    await server.probeAnew();
    floor = server.report?.position ?? floor;
    fresh = undefined;
    return result;
  }
}

function has({ report }: Server, position: Position): boolean {
  return report !== undefined && covers(report.position, position);
}

async function isStandby(server: Server): Promise<boolean> {
  await server.probeAnew();
  return server.report?.isStandby === true;
}

/** The first server that one of the promises brings; undefined once none can. */
async function firstOf(promises: readonly Promise<Server | undefined>[]): Promise<Server | undefined> {
  const found = promises.map(async (promise) => (await promise) ?? Promise.reject(new Error("not reached")));
  return Promise.any(found).catch(() => undefined);
}

function unreachable(): HotpathError {
  return new HotpathError("HP_DATABASE_UNREACHABLE", "The server went away after it had answered.");
}

function noPrimary(message: string, cause?: unknown): HotpathError {
  return new HotpathError("HP_NO_PRIMARY", message, { cause, headers: { "retry-after": "1" } });
}
