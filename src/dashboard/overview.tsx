import type { DashboardState } from "../observe/dashboard/dashboard.ts";
import type { Point } from "../observe/dashboard/history.ts";
import { Chart } from "./chart.tsx";
import { bytes, count, duration, percent, sampled } from "./format.ts";
import { HeatMap } from "./heat-map.tsx";
import { Card } from "./card.tsx";

interface OverviewProps {
  readonly state: DashboardState;
  readonly points: readonly Point[];
  readonly isDark: boolean;
}

/** Seconds that figures are taken over, so that they can be read. */
const RECENT = 10;

/** How it goes, in figures and over time. */
export function Overview({ state, points, isDark }: OverviewProps) {
  const at = points.map((point) => point.at);
  const recent = points.slice(-RECENT);
  const sum = (read: (point: Point) => number): number => recent.reduce((total, point) => total + read(point), 0);
  const requests = sum(({ requests: found }) => found);
  const failed = sum((point) => point.failed);
  const lookups = sum((point) => point.lookups);
  const hits = sum((point) => point.hits);
  const last = points.at(-1);
  const worst = Math.max(0, ...recent.map(({ p99 }) => p99 ?? 0));
  return (
    <>
      <dl class="figures">
        <Figure
          name="Requests a second"
          value={count(Math.round(requests / Math.max(1, recent.length)))}
          note={`${state.inFlight} under way`}
        />
        <Figure name="Median" value={duration(middle(recent.map(({ p50 }) => p50)))} note="half are quicker" />
        <Figure name="99th percentile" value={duration(worst || null)} note={`worst of ${recent.length} seconds`} />
        <Figure
          name="Errors"
          value={requests === 0 ? "–" : percent(failed / requests)}
          note={`${count(sum((point) => point.refused))} refused (4xx)`}
          tone={failed > 0 ? "bad" : undefined}
        />
        <Figure
          name="From the cache"
          value={lookups === 0 ? "–" : percent(hits / lookups)}
          note={lookups === 0 ? "not asked" : `${count(hits)} of ${count(lookups)}`}
        />
        <Figure
          name="Event loop busy"
          value={percent(last?.busy ?? 0)}
          note={bytes(last?.memoryBytes ?? 0)}
          tone={(last?.busy ?? 0) > 0.9 ? "bad" : undefined}
        />
      </dl>
      <div class="two">
        <Card title="Throughput" note="requests a second">
          <Chart
            label="Requests a second over the last five minutes"
            at={at}
            format={(value) => count(Math.round(value))}
            isDark={isDark}
            lines={[
              { label: "all", colour: "blue", values: points.map((point) => point.requests), isFilled: true },
              { label: "4xx", colour: "amber", values: points.map((point) => point.refused) },
              { label: "5xx", colour: "red", values: points.map((point) => point.failed) },
            ]}
          />
        </Card>
        <Card title="Latency" note="logarithmic">
          <Chart
            label="Percentiles of latency over the last five minutes"
            at={at}
            format={duration}
            isLogarithmic
            isDark={isDark}
            lines={[
              { label: "p99", colour: "accent", values: points.map((point) => point.p99) },
              { label: "p90", colour: "amber", values: points.map((point) => point.p90) },
              { label: "p50", colour: "teal", values: points.map((point) => point.p50) },
            ]}
          />
        </Card>
        <Card title="Heat map" note="latency of every request">
          <HeatMap points={points} isDark={isDark} />
        </Card>
        <Card title="Cache and event loop" note="shares">
          <Chart
            label="Share of requests answered from the cache, and of time that the event loop is busy"
            at={at}
            format={(value) => percent(value)}
            isDark={isDark}
            lines={[
              {
                label: "from the cache",
                colour: "teal",
                values: points.map((point) => (point.lookups === 0 ? null : point.hits / point.lookups)),
                isFilled: true,
              },
              { label: "loop busy", colour: "blue", values: points.map((point) => point.busy) },
            ]}
          />
        </Card>
      </div>
      <Stages stages={state.stages} stride={state.stride} />
    </>
  );
}

interface FigureProps {
  readonly name: string;
  readonly value: string;
  readonly note: string;
  readonly tone?: "bad" | undefined;
}

function Figure({ name, value, note, tone }: FigureProps) {
  return (
    <div class={`figure ${tone ?? ""}`}>
      <dt>{name}</dt>
      <dd>
        {value}
        <small>{note}</small>
      </dd>
    </div>
  );
}

const STAGES = [
  "admit",
  "cache and planning",
  "handlers",
  "wait for a connection",
  "database",
  "upstream",
  "represent",
];
const STAGE_COLOURS: Readonly<Record<string, string>> = {
  admit: "violet",
  "cache and planning": "teal",
  handlers: "accent",
  "wait for a connection": "red",
  database: "blue",
  upstream: "amber",
  represent: "slate",
};

/** Where the time goes. */
function Stages({ stages, stride }: Pick<DashboardState, "stages" | "stride">) {
  const total = stages.reduce((sum, { ms }) => sum + ms, 0);
  const known = STAGES.flatMap((name) => stages.filter((stage) => stage.name === name && stage.ms > 0));
  return (
    <Card
      title="Where the time goes"
      note={`of requests that went the whole way, since the start${sampled(stride)}`}
      id="stages"
    >
      {total === 0 ? (
        <p class="empty">Nothing was asked yet.</p>
      ) : (
        <>
          <div
            class="bar"
            role="img"
            aria-label={known.map(({ name, ms }) => `${name} ${percent(ms / total)}`).join(", ")}
          >
            {known.map(({ name, ms }) => (
              <span
                key={name}
                style={{ flexGrow: ms / total, background: `var(--${STAGE_COLOURS[name]})` }}
                title={name}
              />
            ))}
          </div>
          <ul class="key">
            {known.map(({ name, ms }) => (
              <li key={name}>
                <i style={{ background: `var(--${STAGE_COLOURS[name]})` }} />
                {name} <b>{percent(ms / total)}</b> <span class="muted">{duration(ms)}</span>
              </li>
            ))}
          </ul>
        </>
      )}
    </Card>
  );
}

function middle(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null).sort((one, other) => one - other);
  return known[Math.floor(known.length / 2)] ?? null;
}
