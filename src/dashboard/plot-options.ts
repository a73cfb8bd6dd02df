import type uPlot from "uplot";
import { colour } from "./theme.ts";

/** A line of a chart. */
export interface Line {
  readonly label: string;
  /** Name of one of the theme's colours. */
  readonly colour: string;
  readonly values: readonly (number | null)[];
  readonly isFilled?: boolean;
}

/** What a chart of lines over time is like. */
export interface PlotSettings {
  readonly lines: readonly Line[];
  readonly format: (value: number) => string;
  readonly isLogarithmic: boolean;
  /** The moment that a place on the axis stands for, in words. */
  readonly clock: (seconds: number) => string;
  readonly height: number;
  /** The highest value that is shown at least, on an axis that is not logarithmic. */
  readonly leastHigh: number;
  /** Places of the values' axis, and room right of the lines, in pixels. */
  readonly axisWidth: number;
  readonly rightPadding: number;
  /** Between two moments that are written, in pixels. */
  readonly spacing: number;
  readonly xLabel: string;
  /** What stands where there is no value. */
  readonly absent: string;
  readonly x: uPlot.Scale;
  /** Charts with the same key point at the same moment. */
  readonly syncKey?: string;
}

/** The name of the number is one of types alone, which no program can use. */
const LOGARITHMIC: object = { distr: 3 };
const POWERS = [0.01, 0.1, 1, 10, 100, 1000, 10_000, 100_000];

/** Lines over time in the theme's colours, which are read now. */
export function plotOptions(element: HTMLElement, settings: PlotSettings): uPlot.Options {
  const { lines, format, isLogarithmic, clock, height, leastHigh, syncKey, absent } = settings;
  const axis = {
    stroke: colour("muted"),
    grid: { stroke: colour("line"), width: 1 },
    ticks: { show: false },
    font: "11px system-ui",
  };
  return {
    width: element.clientWidth,
    height,
    padding: [10, settings.rightPadding, 0, 0],
    cursor: {
      y: false,
      points: { size: 7 },
      drag: { x: false, y: false },
      ...(syncKey !== undefined && { sync: { key: syncKey } }),
    },
    legend: { live: true },
    scales: {
      x: settings.x,
      y: isLogarithmic
        ? { ...LOGARITHMIC, range: (_plot, low, high) => [Math.max(0.01, low / 1.6), Math.max(1, high * 1.6)] }
        : { range: (_plot, _low, high) => [0, Math.max(leastHigh, high * 1.15)] },
    },
    axes: [
      { ...axis, values: (_plot, splits) => splits.map((split) => clock(split)), space: settings.spacing, size: 30 },
      {
        ...axis,
        size: settings.axisWidth,
        ...(isLogarithmic && {
          splits: (_plot: uPlot, _axis: number, low: number, high: number) =>
            POWERS.filter((power) => power >= low && power <= high),
          filter: (_plot: uPlot, splits: number[]) => splits,
        }),
        values: (_plot, splits) => splits.map((split) => (split === null ? "" : format(split))),
      },
    ],
    series: [
      { label: settings.xLabel, value: (_plot, value) => (value === null ? "" : clock(value)) },
      ...lines.map((line): uPlot.Series => ({
        label: line.label,
        stroke: colour(line.colour),
        width: 1.75,
        points: { show: false },
        spanGaps: true,
        value: (_plot, value) => (value === null ? absent : format(value)),
        ...(line.isFilled && { fill: colour(line.colour, 0.14) }),
      })),
    ],
  };
}

/** The values of a line as they are drawn: zero has no place on a logarithmic axis. */
export function drawn({ values }: Line, isLogarithmic: boolean): (number | null)[] {
  return isLogarithmic ? values.map((value) => value || null) : [...values];
}
