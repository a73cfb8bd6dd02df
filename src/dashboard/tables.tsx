import type { DashboardState } from "../observe/dashboard/dashboard.ts";
import { Card } from "./card.tsx";
import { count, duration, percent } from "./format.ts";
import { Table } from "./table.tsx";

/** Routes by what they have cost. */
export function Routes({ routes }: { readonly routes: DashboardState["routes"] }) {
  const total = Math.max(
    1e-9,
    routes.reduce((sum, { ms }) => sum + ms, 0),
  );
  return (
    <Card title="Routes" note="since the start" id="routes">
      <Table
        rows={routes}
        keyOf={({ method, endpoint }) => `${method} ${endpoint}`}
        by="Total time"
        empty="No request has come yet."
        columns={[
          {
            name: "Route",
            isText: true,
            sort: ({ endpoint }) => endpoint,
            show: ({ method, endpoint }) => (
              <code>
                <span class="method">{method}</span> {endpoint}
              </code>
            ),
          },
          {
            name: "Total time",
            sort: ({ ms }) => ms,
            show: ({ ms }) => (
              <span class="share" style={{ "--share": `${(ms / total) * 100}%` }}>
                {duration(ms)}
              </span>
            ),
          },
          { name: "Requests", sort: ({ requests }) => requests, show: ({ requests }) => count(requests) },
          { name: "Mean", sort: (row) => row.ms / row.requests, show: (row) => duration(row.ms / row.requests) },
          { name: "p50", sort: ({ p50 }) => p50 ?? 0, show: ({ p50 }) => duration(p50) },
          { name: "p99", sort: ({ p99 }) => p99 ?? 0, show: ({ p99 }) => duration(p99) },
          { name: "4xx", sort: ({ refused }) => refused, show: ({ refused }) => (refused === 0 ? "" : count(refused)) },
          {
            name: "5xx",
            sort: ({ failed }) => failed,
            show: ({ failed, requests }) => (failed === 0 ? "" : <b class="bad">{percent(failed / requests)}</b>),
          },
        ]}
      />
    </Card>
  );
}

/** What could be faster, and how. */
export function AdviceList({ advice }: { readonly advice: DashboardState["advice"] }) {
  if (advice.length === 0) return null;
  return (
    <Card title="Advice" note="seen in the requests themselves" id="advice">
      <ul class="advice">
        {advice.map(({ kind, route, requests, ms, seen, todo }) => (
          <li key={`${kind} ${route}`}>
            <h3>
              {kind} <code>{route}</code>
              <span class="muted">
                {count(requests)} requests, {duration(ms)}
              </span>
            </h3>
            {seen !== "" && <p class="seen">{seen}</p>}
            <p>{todo}</p>
          </li>
        ))}
      </ul>
    </Card>
  );
}
