import type { ServerLine, ServerSeries } from "../../load/server-metrics.ts";
import { Chart } from "./chart.tsx";
import { bytes, count, milliseconds } from "./format.ts";

const FORMATS: Readonly<Record<ServerLine["unit"], (value: number) => string>> = {
  cores: (value) => `${Math.round(value * 100)}%`,
  ms: milliseconds,
  ratio: (value) => `${Math.round(value * 100)}%`,
  bytes,
  count,
  rate: (value) => `${count(value)}/s`,
};
const COLOURS = ["amber", "blue", "teal", "violet", "red", "slate"];

/** What the server said of itself while the load ran, in the same time as the client's charts. */
export function Server({ server, isDark }: { readonly server: ServerSeries; readonly isDark: boolean }) {
  return (
    <section class="card">
      <header>
        <h2>
          The server <small>by its own metrics, {server.url}</small>
        </h2>
      </header>
      <div class="small">
        {server.lines.map(({ name, unit, values }, at) => (
          <div key={name}>
            <h3>{name}</h3>
            <Chart
              label={name}
              at={server.at}
              isDark={isDark}
              height={130}
              format={FORMATS[unit]}
              lines={[{ label: name, colour: COLOURS[at % COLOURS.length]!, isFilled: true, values }]}
            />
          </div>
        ))}
      </div>
    </section>
  );
}
