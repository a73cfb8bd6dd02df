import cluster from "node:cluster";
import { availableParallelism } from "node:os";
import type { ResolvedApi } from "../api/definition.ts";
import type { ServerSettings } from "../api/settings.ts";
import type { Log } from "../api/source.ts";
import { listenAddress, openAdmin } from "../server/start.ts";
import { createSupervisorAdmin } from "./admin-sources.ts";
import { createCrew, type Crew } from "./crew.ts";
import { createFrontDoor } from "./front-door.ts";
import { createScaler } from "./scaler.ts";
import { createSwitchboard } from "./switchboard.ts";
import { createWorkerProcess } from "./worker-process.ts";

/** The workers of this machine, and what they share. */
export interface Supervisor {
  readonly url: string;
  readonly adminUrl: string | undefined;
  /** What the first worker wants to be said. */
  readonly announcement: string;
  /** Has every worker read again what may have changed. */
  refresh(): void;
  /** New processes in place of the old ones, with the configuration as it is now. Answers whether that went well. */
  reload(): Promise<boolean>;
  close(): Promise<void>;
}

/** Beyond the grace period, what closing may take. */
const CLOSE_MARGIN_MS = 5000;
const SCALE_MS = 1000;

/**
 * Starts workers: this command line again, in processes of their own. This one only listens, hands connections on, and passes on what workers
 * tell each other.
 *
 * @throws HotpathError HP_PORT_IN_USE, HP_LISTEN_FAILED; `WorkerEnded` when the first worker does not come up
 */
export async function startSupervisor({ server: settings }: ResolvedApi, log: Log): Promise<Supervisor> {
  const { server, limit } = settings;
  const door = createFrontDoor({
    listen: listenAddress(server),
    isSecure: server.tls.dev || server.tls.cert !== null,
    maxConnections: server.maxConnections,
    maxPerAddress: server.maxConnectionsPerAddress ?? 0,
    ipv6Prefix: limit.ipv6Prefix,
  });
  const opened: (() => Promise<void> | void)[] = [];
  const close = async (): Promise<void> => {
    for (const release of opened.splice(0).reverse()) await release();
  };
  const { url } = await door.listen();
  try {
    let adminUrl: string | undefined;
    // What JSON cannot say (infinite gauges) is told as it is.
    cluster.setupPrimary({ serialization: "advanced" });
    let id = 0;
    const crew = createCrew({
      fork: (slot, told) => createWorkerProcess(cluster.fork().process, { id: ++id, slot }, told),
      door,
      switchboard: createSwitchboard(),
      log,
      leaveMs: server.shutdownGraceMs + CLOSE_MARGIN_MS,
      greet: (worker) => worker.send({ kind: "welcome", slot: worker.slot, url, adminUrl }),
      serves: (worker) => void told.refresh(worker),
    });
    const told = createSupervisorAdmin(crew, door, settings.cache.enabled);
    opened.push(() => crew.close());
    const admin = await openAdmin(settings.admin, log, told.sources);
    adminUrl = admin?.url;
    if (admin !== undefined) opened.push(() => admin.close());
    opened.push(() => door.close());
    const announcement = await crew.start(firstCount(server));
    if (server.workers === "auto") opened.push(scale(crew, server, log));
    return {
      url,
      adminUrl,
      announcement,
      refresh() {
        for (const worker of crew.serving) worker.send({ kind: "reload" });
      },
      reload: () => crew.reload(),
      close,
    };
  } catch (error) {
    door.close();
    await close();
    throw error;
  }
}

function firstCount({ workers, minWorkers, maxWorkers }: ServerSettings["server"]): number {
  return workers === "auto" ? Math.min(minWorkers, mostWorkers(maxWorkers)) : Number(workers ?? 1);
}

function mostWorkers(maxWorkers: number | null): number {
  return maxWorkers ?? availableParallelism();
}

/** Looks each second whether there are as many workers as the load takes. Answers what ends that. */
function scale(crew: Crew, { minWorkers, maxWorkers }: ServerSettings["server"], log: Log): () => void {
  const max = mostWorkers(maxWorkers);
  const scaler = createScaler({ min: Math.min(minWorkers, max), max });
  let isResizing = false;
  const timer = setInterval(() => {
    if (isResizing) return;
    const { serving } = crew;
    const utilizations = serving.map(({ utilization }) => utilization);
    const count = scaler.decide(utilizations, performance.now());
    // A worker that has crashed is replaced anyway.
    if (count === crew.wanted || serving.length < crew.wanted) return;
    isResizing = true;
    log.info({ from: crew.wanted, to: count, utilizations }, "the number of workers changes");
    void crew.resize(count).finally(() => (isResizing = false));
  }, SCALE_MS);
  return () => clearInterval(timer);
}
