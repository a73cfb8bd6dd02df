import { useEffect, useState } from "preact/hooks";
import type { StatementPlan } from "../api/source.ts";
import type { DashboardState } from "../observe/dashboard/dashboard.ts";
import { Card } from "./card.tsx";
import { count, duration, percent, sampled } from "./format.ts";
import { IndexSearch } from "./indexes.tsx";
import { Table } from "./table.tsx";

/** Statements by what they have cost. */
export function Statements({ statements, stride }: Pick<DashboardState, "statements" | "stride">) {
  return (
    <Card
      title="Statements"
      note={`without their values${sampled(stride)}`}
      id="statements"
      side={<IndexSearch isUseful={statements.length > 0} />}
    >
      <Table
        rows={statements}
        keyOf={({ id }) => id}
        by="Total time"
        empty="The database has not been asked yet."
        more={({ id, text }) => <Plan key={id} id={id} text={text} />}
        columns={[
          {
            name: "Statement",
            isText: true,
            show: ({ name, text }) => (
              <code class="cut">
                <b>{name}</b> <span class="muted">{brief(text)}</span>
              </code>
            ),
          },
          { name: "Total time", sort: ({ ms }) => ms, show: ({ ms }) => duration(ms) },
          { name: "Calls", sort: ({ calls }) => calls, show: ({ calls }) => count(calls) },
          { name: "Mean", sort: (row) => row.ms / row.calls, show: (row) => duration(row.ms / row.calls) },
          { name: "Longest", sort: ({ maxMs }) => maxMs, show: ({ maxMs }) => duration(maxMs) },
          {
            name: "Waiting",
            sort: ({ waitMs }) => waitMs,
            show: (row) => percent(row.waitMs / Math.max(row.ms, 1e-9)),
          },
          { name: "Shared", sort: (row) => row.shared, show: (row) => percent(row.shared / row.calls) },
          {
            name: "Errors",
            sort: ({ errors }) => errors,
            show: ({ errors }) => (errors === 0 ? "" : <b class="bad">{count(errors)}</b>),
          },
        ]}
      />
    </Card>
  );
}

/** Without what hotpath puts around a statement of a handler, which is the same for all. */
function brief(text: string): string {
  return (
    /^SELECT coalesce\(pg_catalog\.json_agg\("hp\.rows"\), '\[\]'\)::pg_catalog\.text FROM \(([^]*)\) AS "hp\.rows"$/.exec(
      text,
    )?.[1] ?? text
  );
}

/** A statement in full, and how the database means to carry it out, which is asked when the row is opened. */
function Plan({ id, text }: { readonly id: string; readonly text: string }) {
  const [plan, setPlan] = useState<StatementPlan | string>("");
  useEffect(() => {
    const controller = new AbortController();
    ask(id, controller.signal)
      .then(setPlan)
      .catch(() => undefined);
    return () => controller.abort();
  }, [id]);
  return (
    <div class="plan">
      <pre>{text}</pre>
      <h4>Plan, for any values; it was not run for this</h4>
      {typeof plan === "string" ? (
        <p class="muted">{plan || "Asking the database …"}</p>
      ) : (
        <>
          <pre>{plan.text}</pre>
          {plan.scans.map(({ relation, rows, kept, filter, columns }) => (
            <p key={filter}>
              <b class="bad">{count(rows)} rows</b> of <code>{relation}</code> are read for some {count(kept)} of them:{" "}
              <code>{filter}</code>
              {columns.length > 0 && (
                <>
                  . An index would help:{" "}
                  <code>{`CREATE INDEX CONCURRENTLY ON ${relation} (${columns.join(", ")});`}</code>
                </>
              )}
            </p>
          ))}
        </>
      )}
    </div>
  );
}

/** The plan, or why there is none. */
async function ask(id: string, signal: AbortSignal): Promise<StatementPlan | string> {
  const response = await fetch(`/dashboard/plan?statement=${encodeURIComponent(id)}`, { signal });
  const found = (await response.json()) as StatementPlan & { readonly detail?: string };
  return response.ok ? found : (found.detail ?? "It cannot be planned.");
}
