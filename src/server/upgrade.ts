import type { Log } from "../api/source.ts";
import { CredentialsRefused } from "../auth/refusal.ts";
import { HotpathError } from "../errors.ts";
import type { HttpReply } from "../http/message.ts";
import { toProblemReply } from "../http/problem.ts";
import type { HttpMetrics } from "../observe/http-metrics.ts";
import { type Admit, refuse } from "./admit.ts";
import type { UpgradeHandler } from "./listener/index.ts";
import { type FindMount, MountedRequest } from "./mounts.ts";

/** The parts of an upgrade's walk. */
export interface UpgradeParts {
  readonly findMount: FindMount;
  readonly admit: Admit;
  readonly metrics: HttpMetrics;
  readonly log: Log;
}

/** The walk of a request that asks for a WebSocket: who is admitted, to them the source at its path gives the connection or refuses. */
export function createUpgrade({ findMount, admit, metrics, log }: UpgradeParts): UpgradeHandler {
  return async (request, connection) => {
    const startedAt = performance.now();
    const { path } = request;
    const mount = findMount(path, request.method);
    let reply: HttpReply | undefined;
    try {
      if (mount?.source.upgrade === undefined)
        throw new HotpathError("HP_NOT_FOUND", "No WebSocket is served at this path.");
      const verdict = await admit.judge(request, mount);
      const isRefused = verdict instanceof CredentialsRefused;
      const mounted = new MountedRequest(request, mount.basePath, isRefused ? undefined : verdict);
      reply = isRefused ? refuse(mount, mounted, verdict) : await mount.source.upgrade(mounted, connection);
    } catch (error) {
      if (!(error instanceof HotpathError)) throw error;
      if (error.status >= 500) log.warn({ err: error, path }, "upgrade failed");
      reply = toProblemReply(error);
    }
    const route = mount === undefined ? "unmatched" : mount.basePath || "/";
    metrics.record(request.method, route, reply?.status ?? 101, (performance.now() - startedAt) / 1000);
    return reply;
  };
}
