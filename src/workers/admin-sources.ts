import type { BrowsedReply } from "../cache/engine/index.ts";
import type { PurgeSelector } from "../cache/store.ts";
import { createMetrics } from "../observe/metrics.ts";
import { formatMetrics } from "../observe/exposition.ts";
import type { AskedStatement } from "../api/source.ts";
import type { Advisor } from "../server/admin-advise.ts";
import type { AdminSources, Readiness } from "../server/admin.ts";
import type { Crew } from "./crew.ts";
import { createJoinedDashboard } from "./joined-dashboard.ts";
import type { FrontDoor } from "./front-door.ts";
import { mergeMetrics } from "./told-metrics.ts";
import type { WorkerProcess } from "./worker-process.ts";

/** What the supervisor's admin listener tells. */
export interface SupervisorAdmin {
  readonly sources: AdminSources;
  /** Takes from a worker what its configuration says: the description of routes, and whether there is something to advise on. */
  refresh(worker: WorkerProcess): Promise<void>;
}

/** One admin listener for all workers: it asks them, and adds up what they say. */
export function createSupervisorAdmin(crew: Crew, door: FrontDoor, hasCache: boolean): SupervisorAdmin {
  const own = createMetrics();
  const { counts } = crew;
  own.gauge({ name: "hotpath_workers", help: "Workers that answer requests." }, () => crew.serving.length);
  own.gauge({ name: "hotpath_workers_wanted", help: "Workers there should be." }, () => crew.wanted);
  own.gauge(
    {
      name: "hotpath_worker_utilization",
      help: "Share of the last half second that the worker's event loop was busy.",
      labels: ["worker"],
    },
    () => crew.serving.map(({ slot, utilization }) => ({ labels: [String(slot)], value: utilization })),
  );
  own.gauge({ name: "hotpath_connections_waiting", help: "Connections that wait for a worker." }, () => door.waiting);
  own.observedCounter(
    {
      name: "hotpath_workers_ended_total",
      help: "Workers that ended without having been told to; `stalled`: they did nothing any more.",
      labels: ["how"],
    },
    () => [
      { labels: ["crashed"], value: counts.crashed - counts.stalled },
      { labels: ["stalled"], value: counts.stalled },
    ],
  );
  own.observedCounter({ name: "hotpath_worker_reloads_total", help: "Rolling reloads.", labels: ["outcome"] }, () => [
    { labels: ["done"], value: counts.reloaded },
    { labels: ["failed"], value: counts.reloadsFailed },
  ]);
  own.observedCounter(
    {
      name: "hotpath_connections_turned_away_total",
      help: "Connections closed as they came, before a worker had them: too many in all, or of their address.",
      labels: ["reason"],
    },
    () => [
      { labels: ["total"], value: door.refused.total },
      { labels: ["address"], value: door.refused.address },
    ],
  );

  let reference: AdminSources["reference"];
  let isAdvising = false;
  /** One looks for all: what the others asked is told to it. */
  const advise = async (): Promise<Awaited<ReturnType<Advisor>>> => {
    const [first, ...others] = crew.serving;
    const asked = await Promise.all(others.map((worker) => worker.ask({ what: "asked" }).catch(() => [])));
    const alsoAsked = (asked as (readonly AskedStatement[])[]).flat();
    return ((await first?.ask({ what: "advise", alsoAsked })) ?? []) as Awaited<ReturnType<Advisor>>;
  };
  const dashboard = createJoinedDashboard(crew);
  /** One of them, whichever: purges reach the others by themselves. */
  const one = (): WorkerProcess => {
    const [worker] = crew.serving;
    if (worker === undefined) throw new Error("no worker serves");
    return worker;
  };
  const purge = async (selector: PurgeSelector): Promise<number> =>
    Number((await one().ask({ what: "purge", selector })) ?? 0);

  return {
    sources: {
      readiness: () => readinessOf(crew),
      metrics: {
        async render(format = "prometheus") {
          const families = mergeMetrics(await crew.metrics());
          return formatMetrics([...own.read(/^hotpath_/), ...families], format);
        },
      },
      get reference() {
        return reference;
      },
      purger: hasCache
        ? { purge, purgeUrl: async (url) => Number((await one().ask({ what: "purge-url", url })) ?? 0) }
        : undefined,
      dashboard,
      get advise() {
        return isAdvising ? advise : undefined;
      },
      async browse(text, most) {
        const lists = await Promise.all(
          crew.serving.map((worker) => worker.ask({ what: "browse", text, most }).catch(() => [])),
        );
        return distinct((lists as (readonly BrowsedReply[] | undefined)[]).flatMap((list) => list ?? [])).slice(
          0,
          most,
        );
      },
    },
    async refresh(worker) {
      isAdvising = (await worker.ask({ what: "advises" }).catch(() => false)) === true;
      reference = (await worker.ask({ what: "reference" }).catch(() => undefined)) as AdminSources["reference"];
    },
  };
}

/** What several workers have of the same is shown once, the newest. */
function distinct(replies: readonly BrowsedReply[]): BrowsedReply[] {
  const byReply = new Map<string, BrowsedReply>();
  for (const reply of replies) {
    const name = JSON.stringify([reply.url, reply.isPrivate, reply.status, reply.bytes, reply.tags]);
    const before = byReply.get(name);
    if (before === undefined || reply.ageSeconds < before.ageSeconds) byReply.set(name, reply);
  }
  return [...byReply.values()];
}

/** Ready as long as one worker is: requests go to whoever serves. */
async function readinessOf({ serving, wanted }: Crew): Promise<Readiness> {
  const told = await Promise.all(
    serving.map(async (worker) => {
      const readiness = await worker.ask({ what: "readiness" }).catch(() => undefined);
      return { slot: worker.slot, readiness: readiness as Readiness | undefined };
    }),
  );
  const ready = told.filter(({ readiness }) => readiness?.ready === true);
  const [first] = ready.length > 0 ? ready : told;
  return {
    ready: ready.length > 0,
    checks: { ...first?.readiness?.checks, workers: `${ready.length} of ${wanted} ready` },
    ...(first?.readiness?.details === undefined ? {} : { details: first.readiness.details }),
  };
}
