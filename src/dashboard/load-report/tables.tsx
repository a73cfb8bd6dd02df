import type { LoadResult, MetricResult } from "../../load/result.ts";
import { bytes, count, milliseconds, percent } from "./format.ts";

interface Props {
  readonly result: LoadResult;
}

export function Thresholds({ result: { thresholds, metrics } }: Props) {
  if (thresholds.length === 0) return null;
  return (
    <section class="card">
      <header>
        <h2>
          Thresholds{" "}
          <small>
            {thresholds.filter(({ passed }) => passed).length} of {thresholds.length} hold
          </small>
        </h2>
      </header>
      <div class="wide">
        <table>
          <tbody>
            {thresholds.map(({ metric, condition, passed, value }) => (
              <tr key={metric + condition}>
                <td class={passed ? "mark good" : "mark bad"}>{passed ? "✓" : "✗"}</td>
                <td>{metric}</td>
                <td>
                  <code>{condition}</code>
                </td>
                <td class="number">
                  {value === undefined
                    ? "nothing was counted"
                    : shown(value, metrics[metric.replace(/\{.*/, "")], condition)}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

export function Requests({ result: { requests, seconds } }: Props) {
  if (requests.length === 0) return null;
  return (
    <section class="card">
      <header>
        <h2>
          Requests <small>by name</small>
        </h2>
      </header>
      <div class="wide">
        <table>
          <thead>
            <tr>
              <th>request</th>
              <th class="number">count</th>
              <th class="number">a second</th>
              <th class="number">failed</th>
              <th class="number">mean</th>
              <th class="number">p50</th>
              <th class="number">p95</th>
              <th class="number">p99</th>
              <th class="number">max</th>
            </tr>
          </thead>
          <tbody>
            {requests.map((request) => (
              <tr key={`${request.method} ${request.name}`}>
                <td class="name">
                  <b>{request.method}</b> {request.name}
                </td>
                <td class="number">{count(request.count)}</td>
                <td class="number">{count(request.count / seconds)}</td>
                <td class={request.failures > 0 ? "number bad" : "number"}>
                  {percent(request.failures / Math.max(1, request.count))}
                </td>
                <td class="number">{milliseconds(request.avg)}</td>
                <td class="number">{milliseconds(request.p50)}</td>
                <td class="number">{milliseconds(request.p95)}</td>
                <td class="number">{milliseconds(request.p99)}</td>
                <td class="number">{milliseconds(request.max)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

export function Errors({ result: { requests } }: Props) {
  const errors = requests
    .flatMap(({ method, name, statuses, errors }) => [
      ...Object.entries(statuses)
        .filter(([status]) => Number(status) >= 400)
        .map(([status, found]) => ({ words: `status ${status}`, request: `${method} ${name}`, found })),
      ...Object.entries(errors).map(([words, found]) => ({ words, request: `${method} ${name}`, found })),
    ])
    .sort((a, b) => b.found - a.found);
  if (errors.length === 0) return null;
  return (
    <section class="card">
      <header>
        <h2>Errors</h2>
      </header>
      <div class="wide">
        <table>
          <tbody>
            {errors.slice(0, 50).map(({ words, request, found }) => (
              <tr key={words + request}>
                <td class="number bad">{count(found)}</td>
                <td>{words}</td>
                <td class="name muted">{request}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

export function Checks({ result: { checks } }: Props) {
  if (checks.length === 0) return null;
  return (
    <section class="card">
      <header>
        <h2>Checks</h2>
      </header>
      <div class="wide">
        <table>
          <tbody>
            {checks.map(({ group, name, passes, fails }) => (
              <tr key={`${group} ${name}`}>
                <td class={fails === 0 ? "mark good" : "mark bad"}>{fails === 0 ? "✓" : "✗"}</td>
                <td class="name">
                  {group !== "" && <span class="muted">{group.slice(2).replaceAll("::", " › ")} › </span>}
                  {name}
                </td>
                <td class="number">{percent(passes / Math.max(1, passes + fails))}</td>
                <td class="number muted">
                  {count(passes)} of {count(passes + fails)}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

const SHOWN = ["avg", "min", "med", "p(90)", "p(95)", "p(99)", "max"];

export function Metrics({ result: { metrics } }: Props) {
  const trends = Object.entries(metrics).filter(
    ([, { kind, values }]) => kind === "trend" && (values["count"] ?? 0) > 0,
  );
  const others = Object.entries(metrics).filter(([, { kind }]) => kind !== "trend");
  return (
    <section class="card">
      <header>
        <h2>All metrics</h2>
      </header>
      <div class="wide">
        <table>
          <thead>
            <tr>
              <th>trend</th>
              {SHOWN.map((name) => (
                <th key={name} class="number">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {trends.map(([name, metric]) => (
              <tr key={name}>
                <td class="name">{name}</td>
                {SHOWN.map((statistic) => (
                  <td key={statistic} class="number">
                    {shown(metric.values[statistic] ?? 0, metric, statistic)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
        <table>
          <tbody>
            {others.map(([name, metric]) => (
              <tr key={name}>
                <td class="name">{name}</td>
                <td class="number">{inOne(name, metric)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function inOne(name: string, { kind, values }: MetricResult): string {
  const number = name.startsWith("data_") ? bytes : count;
  if (kind === "counter") return `${number(values["count"] ?? 0)}, ${number(values["rate"] ?? 0)}/s`;
  if (kind === "rate")
    return `${percent(values["rate"] ?? 0)}, ${count(values["passes"] ?? 0)} of ${count((values["passes"] ?? 0) + (values["fails"] ?? 0))}`;
  return `${number(values["min"] ?? 0)} to ${number(values["max"] ?? 0)}`;
}

function shown(value: number, metric: MetricResult | undefined, statistic: string): string {
  if (metric?.kind === "rate") return percent(value);
  if (metric?.kind === "trend" && metric.isTime && !statistic.startsWith("count")) return milliseconds(value);
  return count(value);
}
