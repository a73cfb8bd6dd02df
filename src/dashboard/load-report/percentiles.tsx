import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import type { EncodedHistogram } from "../../load/histogram.ts";
import { Histogram } from "../../load/histogram.ts";
import { colour } from "../theme.ts";
import { milliseconds } from "./format.ts";

/** Shares are drawn by how many nines they have: the tail takes as much room as the rest. */
const SHARES = Array.from({ length: 161 }, (_, at) => at / 32);
const MARKS: readonly (readonly [nines: number, words: string])[] = [
  [0, "0"],
  [0.30103, "50"],
  [1, "90"],
  [2, "99"],
  [3, "99.9"],
  [4, "99.99"],
  [5, "99.999"],
];

/** Latency by percentile: service time, and response time where requests were due by a schedule. */
export function Percentiles({
  lines,
  isDark,
}: {
  readonly lines: readonly { readonly label: string; readonly colour: string; readonly histogram: EncodedHistogram }[];
  readonly isDark: boolean;
}) {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const element = place.current;
    if (element === null) return undefined;
    const most = Math.max(...lines.map(({ histogram }) => histogram.count));
    // Beyond the last request there is nothing to say.
    const at = SHARES.filter((nines) => 10 ** nines <= most || nines <= 1);
    const rows = lines.map(({ histogram: encoded }) => {
      const histogram = new Histogram();
      histogram.add(encoded);
      return at.map((nines) => histogram.quantile(1 - 10 ** -nines) || null);
    });
    const axis = {
      stroke: colour("muted"),
      grid: { stroke: colour("line"), width: 1 },
      ticks: { show: false },
      font: "11px system-ui",
    };
    const made = new uPlot(
      {
        width: element.clientWidth,
        height: 220,
        padding: [10, 20, 0, 0],
        cursor: { y: false, points: { size: 7 }, drag: { x: false, y: false } },
        legend: { live: true },
        scales: { x: { time: false }, y: { range: (_plot, _low, high) => [0, high * 1.08] } },
        axes: [
          {
            ...axis,
            size: 30,
            splits: () => MARKS.map(([nines]) => nines).filter((nines) => nines <= at.at(-1)!),
            values: (_plot, splits) => splits.map((split) => MARKS.find(([nines]) => nines === split)?.[1] ?? ""),
          },
          { ...axis, size: 62, values: (_plot, splits) => splits.map((split) => milliseconds(split)) },
        ],
        series: [
          {
            label: "percentile",
            value: (_plot, value) => (value === null ? "" : ((1 - 10 ** -value) * 100).toFixed(value > 2 ? 3 : 1)),
          },
          ...lines.map((line): uPlot.Series => ({
            label: line.label,
            stroke: colour(line.colour),
            width: 1.75,
            points: { show: false },
            value: (_plot, value) => (value === null ? "" : milliseconds(value)),
          })),
        ],
      },
      [at, ...rows],
      element,
    );
    const observer = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: 220 }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
    };
  }, [isDark]);
  return <div class="chart" ref={place} role="img" aria-label="Latency by percentile" />;
}
