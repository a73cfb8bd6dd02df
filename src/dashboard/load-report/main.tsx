import { render } from "preact";
import "uplot/dist/uPlot.min.css";
import "../page.css";
import "./report.css";
import type { LoadResult } from "../../load/result.ts";
import { useTheme } from "../theme.ts";
import { Chart } from "./chart.tsx";
import { bytes, count, milliseconds, percent } from "./format.ts";
import { Heat } from "./heat.tsx";
import { Percentiles } from "./percentiles.tsx";
import { Checks, Errors, Metrics, Requests, Thresholds } from "./tables.tsx";
import { Server } from "./server.tsx";

function Report({ result }: { readonly result: LoadResult }) {
  const { theme, isDark, next } = useTheme();
  const { points, stepSeconds } = result;
  // The last step is cut short by the end of the run: its rates would say nothing.
  const whole = points.length > 2 ? points.slice(0, -1) : points;
  const at = whole.map((point) => point.at);
  const duration = result.metrics["http_req_duration"];
  const response = result.metrics["http_req_response_time"];
  const isOpen = result.scenarios.some(({ executor }) => executor.endsWith("arrival-rate"));
  const failed = result.metrics["http_req_failed"]?.values;
  const isPassed = result.thresholds.every(({ passed }) => passed) && result.aborted === undefined;
  const hasRequests = (duration?.values["count"] ?? 0) > 0;
  return (
    <>
      <nav>
        <a class="brand" href="#top">
          <svg viewBox="0 0 16 16" aria-hidden="true">
            <path d="M2 11 6 5l3 4 5-7" />
          </svg>
          hotpath load
        </a>
        <span class={isPassed ? "pill" : "pill lost"}>
          {result.aborted !== undefined
            ? "ended early"
            : result.thresholds.length === 0
              ? "no thresholds"
              : isPassed
                ? "passed"
                : "failed"}
        </span>
        <div class="sections" />
        <button onClick={next}>{theme === "auto" ? "Auto" : theme === "dark" ? "Dark" : "Light"}</button>
      </nav>
      <main id="top">
        <header class="title">
          <h1>{result.title}</h1>
          <p class="muted">
            {result.scenarios.map(({ name, words }) => (
              <span key={name}>
                {result.scenarios.length > 1 && <b>{name}: </b>}
                {words}
                <br />
              </span>
            ))}
            {new Date(result.startedAt).toLocaleString()} · {result.seconds.toFixed(1)} s ·{" "}
            {result.workers === 1 ? "one process" : `${result.workers} processes`}
          </p>
        </header>
        {(result.warnings.length > 0 || result.aborted !== undefined) && (
          <section class="card warning">
            {result.aborted !== undefined && <p>Ended before its time: {result.aborted}</p>}
            {result.warnings.map((warning) => (
              <p key={warning}>{warning}</p>
            ))}
          </section>
        )}
        <dl class="figures">
          <Figure
            name="Requests"
            value={count(result.metrics["http_reqs"]?.values["count"] ?? 0)}
            more={`${count(result.metrics["http_reqs"]?.values["rate"] ?? 0)} a second`}
          />
          <Figure
            name="Failed"
            value={percent(failed?.["rate"] ?? 0)}
            more={`${count(failed?.["passes"] ?? 0)} requests`}
            isBad={(failed?.["passes"] ?? 0) > 0}
          />
          <Figure name="Median" value={milliseconds(duration?.values["med"] ?? 0)} more="of service time" />
          <Figure
            name="p95"
            value={milliseconds(duration?.values["p(95)"] ?? 0)}
            more={`p99 ${milliseconds(duration?.values["p(99)"] ?? 0)}`}
          />
          {isOpen ? (
            <Figure name="p99 since due" value={milliseconds(response?.values["p(99)"] ?? 0)} more="waiting included" />
          ) : (
            <Figure
              name="Slowest"
              value={milliseconds(duration?.values["max"] ?? 0)}
              more={`p99.9 ${milliseconds(duration?.values["p(99.9)"] ?? 0)}`}
            />
          )}
          <Figure
            name="Received"
            value={bytes(result.metrics["data_received"]?.values["count"] ?? 0)}
            more={`${bytes(result.metrics["data_received"]?.values["rate"] ?? 0)}/s`}
          />
        </dl>
        <Thresholds result={result} />
        {hasRequests && (
          <>
            <section class="card">
              <header>
                <h2>
                  Latency <small>over the time of the run</small>
                </h2>
              </header>
              <Chart
                label="Latency over time"
                at={at}
                isLogarithmic
                isDark={isDark}
                height={230}
                format={milliseconds}
                lines={[
                  { label: "p50", colour: "teal", values: whole.map(({ p50 }) => p50) },
                  { label: "p95", colour: "blue", values: whole.map(({ p95 }) => p95) },
                  { label: "p99", colour: "amber", values: whole.map(({ p99 }) => p99) },
                  { label: "max", colour: "red", values: whole.map(({ max }) => max) },
                  ...(isOpen
                    ? [
                        {
                          label: "p99 since due",
                          colour: "violet",
                          values: whole.map(({ responseP99 }) => responseP99),
                        },
                      ]
                    : []),
                ]}
              />
            </section>
            <div class="two">
              <section class="card">
                <header>
                  <h2>
                    Throughput <small>requests a second</small>
                  </h2>
                </header>
                <Chart
                  label="Requests a second"
                  at={at}
                  isDark={isDark}
                  format={count}
                  lines={[
                    {
                      label: "requests/s",
                      colour: "blue",
                      isFilled: true,
                      values: whole.map(({ requests }) => requests / stepSeconds),
                    },
                    { label: "failed/s", colour: "red", values: whole.map(({ failures }) => failures / stepSeconds) },
                    ...(whole.some(({ dropped }) => dropped > 0)
                      ? [
                          {
                            label: "never begun/s",
                            colour: "amber",
                            values: whole.map(({ dropped }) => dropped / stepSeconds),
                          },
                        ]
                      : []),
                  ]}
                />
              </section>
              <section class="card">
                <header>
                  <h2>
                    Percentiles <small>of all requests</small>
                  </h2>
                </header>
                <Percentiles
                  isDark={isDark}
                  lines={[
                    ...(duration?.histogram
                      ? [{ label: "service time", colour: "blue", histogram: duration.histogram }]
                      : []),
                    ...(isOpen && response?.histogram
                      ? [{ label: "since due", colour: "violet", histogram: response.histogram }]
                      : []),
                  ]}
                />
              </section>
            </div>
            <section class="card">
              <header>
                <h2>
                  Heat map <small>requests by service time</small>
                </h2>
              </header>
              <Heat points={whole} isDark={isDark} />
            </section>
          </>
        )}
        <div class="two">
          <section class="card">
            <header>
              <h2>
                Virtual users <small>at work</small>
              </h2>
            </header>
            <Chart
              label="Virtual users"
              at={at}
              isDark={isDark}
              format={count}
              lines={[{ label: "VUs", colour: "violet", isFilled: true, values: whole.map(({ vus }) => vus) }]}
            />
          </section>
          <section class="card">
            <header>
              <h2>
                The load generator <small>itself</small>
              </h2>
            </header>
            <Chart
              label="The load generator's processor time"
              at={at}
              isDark={isDark}
              format={(value) => `${Math.round(value * 100)}%`}
              lines={[
                {
                  label: "busiest process, of a core",
                  colour: "slate",
                  isFilled: true,
                  values: whole.map(({ cpu }) => cpu),
                },
              ]}
            />
          </section>
        </div>
        {result.server !== undefined && <Server server={result.server} isDark={isDark} />}
        <Requests result={result} />
        <Errors result={result} />
        <Checks result={result} />
        <Metrics result={result} />
        <footer>
          hotpath {result.version} on Node {result.machine.node} · {result.machine.cores} cores
          {result.machine.processor === "" ? "" : ` (${result.machine.processor})`} · <code>{result.command}</code>
        </footer>
      </main>
    </>
  );
}

function Figure({
  name,
  value,
  more,
  isBad = false,
}: {
  readonly name: string;
  readonly value: string;
  readonly more: string;
  readonly isBad?: boolean;
}) {
  return (
    <div class={isBad ? "figure bad" : "figure"}>
      <dt>{name}</dt>
      <dd>
        {value}
        <small class="muted">{more}</small>
      </dd>
    </div>
  );
}

const place = document.querySelector("#page");
const text = document.querySelector("#result")?.textContent;
if (place !== null && text) render(<Report result={JSON.parse(text) as LoadResult} />, place);
