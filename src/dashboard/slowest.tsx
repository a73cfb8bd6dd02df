import { useState } from "preact/hooks";
import type { DashboardState } from "../observe/dashboard/dashboard.ts";
import type { ToldRequest } from "../observe/dashboard/told-requests.ts";
import { Card } from "./card.tsx";
import { duration } from "./format.ts";

const COLOURS: Readonly<Record<string, string>> = {
  server: "slate",
  internal: "teal",
  database: "blue",
  client: "amber",
};

type Kind = "slowest" | "failed";

/** The slowest requests of the last minutes, and those that failed, each opened to a waterfall. */
export function Slowest({ slowest, failed }: Pick<DashboardState, Kind>) {
  const [kind, setKind] = useState<Kind>("slowest");
  const [opened, setOpened] = useState<string | undefined>();
  const requests = kind === "slowest" ? slowest : failed;
  const longest = Math.max(1e-9, ...requests.map(({ ms }) => ms));
  const open = opened ?? requests[0]?.traceId;
  const empty = kind === "slowest" ? "No request has come yet." : "Nothing has failed in the last ten minutes.";
  const choose = (chosen: Kind): void => {
    setKind(chosen);
    setOpened(undefined);
  };
  return (
    <Card
      title={kind === "slowest" ? "Slowest requests" : "Failed requests"}
      note="of ten minutes"
      id="slowest"
      side={
        <div class="tabs">
          <button aria-pressed={kind === "slowest"} onClick={() => choose("slowest")}>
            Slowest
          </button>
          <button aria-pressed={kind === "failed"} onClick={() => choose("failed")}>
            Failed {failed.length > 0 && <b class="bad">{failed.length}</b>}
          </button>
        </div>
      }
    >
      {requests.length === 0 && <p class="empty">{empty}</p>}
      <ol class="slow">
        {requests.slice(0, TOLD).map((request) => (
          <li key={request.traceId}>
            <button
              aria-expanded={open === request.traceId}
              onClick={() => setOpened(open === request.traceId ? "" : request.traceId)}
            >
              <span class="fill" style={{ width: `${(request.ms / longest) * 100}%` }} />
              <code>
                <span class="method">{request.method}</span> {request.path}
              </code>
              <span class={request.status >= 500 ? "bad status" : "status"}>{request.status}</span>
              <b>{duration(request.ms)}</b>
            </button>
            {open === request.traceId && <Waterfall request={request} />}
          </li>
        ))}
      </ol>
    </Card>
  );
}

const TOLD = 12;

function Waterfall({ request: { spans, ms, traceId, at, route, isFollowed } }: { readonly request: ToldRequest }) {
  return (
    <div class="waterfall">
      {spans.map((span, index) => (
        <div class="span" key={index} title={span.detail}>
          <span class="name" style={{ paddingLeft: `${span.depth * 14}px` }}>
            {span.name}
          </span>
          <span class="track">
            <i
              class={span.isFailed ? "failed" : ""}
              style={{
                left: `${(span.fromMs / ms) * 100}%`,
                width: `${Math.max(0.4, (span.ms / ms) * 100)}%`,
                background: `var(--${COLOURS[span.kind] ?? "slate"})`,
              }}
            />
          </span>
          <span class="took">{duration(span.ms)}</span>
          {span.detail !== "" && <span class="detail">{span.detail}</span>}
        </div>
      ))}
      <p class="note">
        {route} at {new Date(at).toLocaleTimeString("en-GB")}, trace <code>{traceId}</code>
        {!isFollowed && " · one of many, so its parts were not followed"}
      </p>
    </div>
  );
}
