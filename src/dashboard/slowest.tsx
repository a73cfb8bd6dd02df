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

/** The slowest requests of the last minutes, each opened to a waterfall. */
export function Slowest({ slowest }: { readonly slowest: DashboardState["slowest"] }) {
  const [opened, setOpened] = useState<string | undefined>();
  const longest = Math.max(1e-9, slowest[0]?.ms ?? 0);
  const open = opened ?? slowest[0]?.traceId;
  return (
    <Card title="Slowest requests" note="of ten minutes" id="slowest">
      {slowest.length === 0 && <p class="empty">No request has come yet.</p>}
      <ol class="slow">
        {slowest.slice(0, 10).map((request) => (
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

function Waterfall({ request: { spans, ms, traceId, at, route } }: { readonly request: ToldRequest }) {
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
      </p>
    </div>
  );
}
