import { ENCODINGS } from "../../content/compression/index.ts";
import { decodeTag } from "../../http/etag.ts";
import type { EndedTrace } from "../trace/ended-trace.ts";
import type { Detector } from "./advice.ts";

/** A URL whose reply was made anew so often, each time the same, is said never to change. */
const SAME = 20;
/** URLs that are watched of each route. */
const MAX_WATCHED = 4;
/** One that was not asked for among so many requests of its route makes room for another. */
const PATIENCE = 200;
const MAX_ROUTES = 500;

/** A URL that is watched. */
interface Watched {
  readonly target: string;
  tag: string;
  /** How often in a row it was made anew and the same. */
  same: number;
  /** Number of the route's request that it was last seen in. */
  seenAt: number;
}

interface WatchedRoute {
  requests: number;
  readonly targets: Watched[];
}

/** Finds replies that are made anew each time although they never change: those that nothing lets the cache store. */
export function createChangeWatch(): Detector {
  const byRoute = new Map<string, WatchedRoute>();
  return {
    look(ended, note, withdraw) {
      const { method, route, status, reply, trace } = ended;
      const tag = reply.headers?.["etag"];
      // A 304 was made like the reply that it stands for.
      if (method !== "GET" || (status !== 200 && status !== 304) || typeof tag !== "string") return;
      let known = byRoute.get(route);
      if (known === undefined) {
        if (byRoute.size >= MAX_ROUTES) return;
        byRoute.set(route, (known = { requests: 0, targets: [] }));
      }
      known.requests++;
      const watched = watch(known, ended);
      if (watched === undefined) return;
      watched.seenAt = known.requests;
      // Codings of one content have tags of their own.
      const content = decodeTag(tag, ENCODINGS);
      if (watched.tag === "") {
        watched.tag = content;
      } else if (wasStored(ended) || watched.tag !== content) {
        watched.tag = content;
        // What changes at one URL may at the others, too.
        for (const each of known.targets) each.same = 0;
        withdraw("never changes");
      } else if (++watched.same >= SAME) {
        const seen = `the same reply ${watched.same} times in a row, made anew each time`;
        note({ kind: "never changes", ms: trace.ms, seen, todo: adviseStoring(ended) });
      }
    },
  };
}

function watch({ requests, targets }: WatchedRoute, { request }: EndedTrace): Watched | undefined {
  const target = request.query ? `${request.path}?${request.query}` : request.path;
  const known = targets.find((each) => each.target === target);
  if (known !== undefined) return known;
  if (targets.length >= MAX_WATCHED) {
    const stale = targets.findIndex(({ seenAt }) => requests - seenAt > PATIENCE);
    if (stale < 0) return undefined;
    targets.splice(stale, 1);
  }
  const added = { target, tag: "", same: 0, seenAt: requests };
  targets.push(added);
  return added;
}

/** The cache had it, or another request was already asking for it. */
function wasStored({ trace }: EndedTrace): boolean {
  return trace.spans.some((span) => {
    const result = span.attribute("hotpath.cache.result");
    return result === "hit" || result === "shared";
  });
}

function adviseStoring({ trace }: EndedTrace): string {
  const asked = trace.spans.find(({ kind }) => kind === "client");
  if (asked?.attribute("db.system.name") !== undefined) {
    return 'Let it be stored: the query cache for tables (queryCache), cache: { maxAge: "30s" } on a route.';
  }
  if (asked !== undefined) return "Have the upstream send Cache-Control: max-age=…, or no-cache with an ETag.";
  return 'Let it be stored: cache: { maxAge: "30s", tags: … } on the route.';
}
