import type { Readable } from "node:stream";
import type { StatementPlan } from "../api/source.ts";
import type { BrowsedReply } from "../cache/engine/index.ts";
import { HotpathError } from "../errors.ts";
import type { HttpReply, HttpRequest } from "../http/message.ts";
import { toProblemReply } from "../http/problem.ts";
import type { DashboardState } from "../observe/dashboard/dashboard.ts";
import { readPage } from "../observe/dashboard/page.ts";

/** What the dashboard shows. */
export interface DashboardSources {
  readonly dashboard?: DashboardView | undefined;
  /** Absent: the cache is off. */
  readonly browse?:
    | ((text: string, most: number) => readonly BrowsedReply[] | Promise<readonly BrowsedReply[]>)
    | undefined;
}

/** A dashboard to look at: of this process, or of several. */
export interface DashboardView {
  state(): DashboardState | Promise<DashboardState>;
  /** A stream of server-sent events, the state each second; undefined when too many look on. */
  events(): Readable | undefined;
  /** How its database would carry out a statement that was sent lately. */
  plan(id: string): Promise<StatementPlan | undefined>;
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
      return dashboard && toJson(dashboard.state());
    case "/dashboard/events":
      return dashboard && toStream(dashboard);
    case "/dashboard/plan":
      return dashboard && explain(dashboard, new URLSearchParams(request.query).get("statement") ?? "");
    case "/dashboard/cache": {
      const text = new URLSearchParams(request.query).get("q") ?? "";
      return toJson(browse?.(text, MOST_BROWSED) ?? []);
    }
    default:
      return undefined;
  }
}

const MOST_BROWSED = 200;

/** An operator is told what the database says, also where it refuses. */
async function explain(dashboard: DashboardView, id: string): Promise<HttpReply> {
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

async function toJson(value: unknown): Promise<HttpReply> {
  return toReply("application/json", JSON.stringify(await value));
}

function toStream(dashboard: DashboardView): HttpReply {
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
