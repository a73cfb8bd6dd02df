import type { CacheEngine } from "../cache/engine/index.ts";
import { HotpathError } from "../errors.ts";
import type { HttpReply, HttpRequest } from "../http/message.ts";
import { toProblemReply } from "../http/problem.ts";
import type { Dashboard } from "../observe/dashboard/dashboard.ts";
import { readPage } from "../observe/dashboard/page.ts";

/** What the dashboard shows. */
export interface DashboardSources {
  readonly dashboard?: Dashboard | undefined;
  /** Absent: the cache is off. */
  readonly browse?: CacheEngine["browse"] | undefined;
}

/** Answers the dashboard's page and what it asks for; `undefined` for other paths. */
export function answerDashboard(
  request: HttpRequest,
  { dashboard, browse }: DashboardSources,
): HttpReply | Promise<HttpReply> | undefined {
  switch (request.path) {
    case "/":
      return readPage().then(({ html, policy }) => toReply("text/html; charset=utf-8", html, policy));
    case "/dashboard/state":
      return dashboard && toReply("application/json", JSON.stringify(dashboard.state()));
    case "/dashboard/events":
      return dashboard && toStream(dashboard);
    case "/dashboard/plan":
      return dashboard && explain(dashboard, new URLSearchParams(request.query).get("statement") ?? "");
    case "/dashboard/cache": {
      const text = new URLSearchParams(request.query).get("q") ?? "";
      return toReply("application/json", JSON.stringify(browse?.(text, MOST_BROWSED) ?? []));
    }
    default:
      return undefined;
  }
}

const MOST_BROWSED = 200;

/** An operator is told what the database says, also where it refuses. */
async function explain(dashboard: Dashboard, id: string): Promise<HttpReply> {
  try {
    const plan = await dashboard.plan(id);
    if (plan !== undefined) return toReply("application/json", JSON.stringify(plan));
    return toProblemReply(
      new HotpathError("HP_NOT_FOUND", "This statement was not sent lately, or others are being planned."),
    );
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return toProblemReply(new HotpathError("HP_UNAVAILABLE", `It cannot be planned: ${message}`));
  }
}

function toStream(dashboard: Dashboard): HttpReply {
  const body = dashboard.events();
  if (body !== undefined) return { ...toReply("text/event-stream", ""), body, validate: false };
  return toProblemReply(new HotpathError("HP_UNAVAILABLE", "Enough dashboards are open."));
}

function toReply(type: string, body: string, policy?: string): HttpReply {
  const headers: HttpReply["headers"] = {
    "content-type": type,
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
  };
  if (policy !== undefined) headers["content-security-policy"] = policy;
  return { status: 200, headers, body };
}
