import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import { colour } from "../theme.ts";
import { clock } from "./format.ts";

export interface Line {
  readonly label: string;
  /** Name of one of the theme's colours. */
  readonly colour: string;
  readonly values: readonly (number | null)[];
  readonly isFilled?: boolean;
}

interface ChartProps {
  readonly label: string;
  /** Seconds from the start. */
  readonly at: readonly number[];
  readonly lines: readonly Line[];
  readonly format: (value: number) => string;
  readonly isLogarithmic?: boolean;
  readonly isDark: boolean;
  readonly height?: number;
}

/** The name of the number is one of types alone, which no program can use. */
const LOGARITHMIC: object = { distr: 3 };
const POWERS = [0.01, 0.1, 1, 10, 100, 1000, 10_000, 100_000];

/** Lines over the time of a run; all charts of a report point at the same moment. */
export function Chart({ label, at, lines, format, isLogarithmic = false, isDark, height = 200 }: ChartProps) {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const element = place.current;
    if (element === null) return undefined;
    const rows = lines.map(({ values }) => (isLogarithmic ? values.map((value) => value || null) : [...values]));
    const made = new uPlot(optionsOf(element, lines, format, isLogarithmic, height), [[...at], ...rows], element);
    const observer = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
    };
    // Colours are read when a chart is made.
  }, [isDark]);
  return <div class="chart" ref={place} role="img" aria-label={label} />;
}

function optionsOf(
  element: HTMLElement,
  lines: readonly Line[],
  format: (value: number) => string,
  isLogarithmic: boolean,
  height: number,
): uPlot.Options {
  const axis = {
    stroke: colour("muted"),
    grid: { stroke: colour("line"), width: 1 },
    ticks: { show: false },
    font: "11px system-ui",
  };
  return {
    width: element.clientWidth,
    height,
    padding: [10, 16, 0, 0],
    cursor: { y: false, points: { size: 7 }, drag: { x: false, y: false }, sync: { key: "run" } },
    legend: { live: true },
    scales: {
      x: { time: false },
      y: isLogarithmic
        ? { ...LOGARITHMIC, range: (_plot, low, high) => [Math.max(0.01, low / 1.6), Math.max(1, high * 1.6)] }
        : { range: (_plot, _low, high) => [0, Math.max(1e-6, high * 1.15)] },
    },
    axes: [
      { ...axis, values: (_plot, splits) => splits.map((split) => clock(split)), space: 64, size: 30 },
      {
        ...axis,
        size: 62,
        ...(isLogarithmic && {
          splits: (_plot: uPlot, _axis: number, low: number, high: number) =>
            POWERS.filter((power) => power >= low && power <= high),
          filter: (_plot: uPlot, splits: number[]) => splits,
        }),
        values: (_plot, splits) => splits.map((split) => (split === null ? "" : format(split))),
      },
    ],
    series: [
      { label: "at", value: (_plot, value) => (value === null ? "" : clock(value)) },
      ...lines.map((line): uPlot.Series => ({
        label: line.label,
        stroke: colour(line.colour),
        width: 1.75,
        points: { show: false },
        spanGaps: true,
        value: (_plot, value) => (value === null ? "" : format(value)),
        ...(line.isFilled && { fill: `${colour(line.colour)}26` }),
      })),
    ],
  };
}
