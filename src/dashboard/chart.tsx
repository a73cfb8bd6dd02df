import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import { colour } from "./theme.ts";

/** A line of a chart. */
export interface Line {
  readonly label: string;
  /** Name of one of the theme's colours. */
  readonly colour: string;
  readonly values: readonly (number | null)[];
  readonly isFilled?: boolean;
}

interface ChartProps {
  readonly label: string;
  /** Seconds since the epoch. */
  readonly at: readonly number[];
  readonly lines: readonly Line[];
  readonly format: (value: number) => string;
  readonly isLogarithmic?: boolean;
  readonly isDark: boolean;
}

const HEIGHT = 190;
/** A server that has just begun fills at least so much of its charts' width with a minute. */
const LEAST_SECONDS = 60;
/** The name of the number is one of types alone, which no program can use. */
const LOGARITHMIC: object = { distr: 3 };
const POWERS = [0.01, 0.1, 1, 10, 100, 1000, 10_000, 100_000];

/** Lines over the last five minutes. */
export function Chart({ label, at, lines, format, isLogarithmic = false, isDark }: ChartProps) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  useEffect(() => {
    const element = place.current;
    if (element === null) return undefined;
    const made = new uPlot(optionsOf(element, lines, format, isLogarithmic), [[], ...lines.map(() => [])], element);
    plot.current = made;
    const observer = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: HEIGHT }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
    };
    // Colours are read when a chart is made.
  }, [isDark, isLogarithmic, lines.length]);
  useEffect(() => {
    const rows = lines.map(({ values }) => (isLogarithmic ? values.map((value) => value || null) : [...values]));
    plot.current?.setData([[...at], ...rows] as uPlot.AlignedData);
    // Where nobody points, the legend tells how it is now.
    if (plot.current?.cursor.idx == null) plot.current?.setLegend({ idx: at.length - 1 });
  });
  return <div class="chart" ref={place} role="img" aria-label={label} />;
}

function optionsOf(
  element: HTMLElement,
  lines: readonly Line[],
  format: (value: number) => string,
  isLogarithmic: boolean,
): uPlot.Options {
  const axis = {
    stroke: colour("muted"),
    grid: { stroke: colour("line"), width: 1 },
    ticks: { show: false },
    font: "11px system-ui",
  };
  return {
    width: element.clientWidth,
    height: HEIGHT,
    padding: [10, 26, 0, 0],
    cursor: { y: false, points: { size: 7 }, drag: { x: false, y: false } },
    legend: { live: true },
    scales: {
      x: { time: true, range: (_plot, low, high) => [Math.min(low, high - LEAST_SECONDS), high] },
      y: isLogarithmic
        ? { ...LOGARITHMIC, range: (_plot, low, high) => [Math.max(0.01, low / 1.6), Math.max(1, high * 1.6)] }
        : { range: (_plot, _low, high) => [0, Math.max(1, high * 1.15)] },
    },
    axes: [
      { ...axis, values: (_plot, splits) => splits.map((split) => clock(split)), space: 84, size: 30 },
      {
        ...axis,
        size: 58,
        ...(isLogarithmic && {
          splits: (_plot: uPlot, _axis: number, low: number, high: number) =>
            POWERS.filter((power) => power >= low && power <= high),
          filter: (_plot: uPlot, splits: number[]) => splits,
        }),
        values: (_plot, splits) => splits.map((split) => (split === null ? "" : format(split))),
      },
    ],
    series: [
      { label: "", value: (_plot, value) => (value === null ? "" : clock(value)) },
      ...lines.map((line): uPlot.Series => ({
        label: line.label,
        stroke: colour(line.colour),
        width: 1.75,
        points: { show: false },
        spanGaps: true,
        value: (_plot, value) => (value === null ? "–" : format(value)),
        ...(line.isFilled && { fill: colour(line.colour, 0.14) }),
      })),
    ],
  };
}

function clock(seconds: number): string {
  return new Date(seconds * 1000).toLocaleTimeString("en-GB");
}
