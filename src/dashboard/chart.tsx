import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import { drawn, type Line, plotOptions, type PlotSettings } from "./plot-options.ts";

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
/** All charts of the page. */
const SETTINGS = {
  clock,
  height: HEIGHT,
  leastHigh: 1,
  axisWidth: 58,
  rightPadding: 26,
  spacing: 84,
  xLabel: "",
  absent: "–",
  x: { time: true, range: (_plot, low, high) => [Math.min(low, high - LEAST_SECONDS), high] },
} satisfies Partial<PlotSettings>;

/** Lines over the last five minutes. */
export function Chart({ label, at, lines, format, isLogarithmic = false, isDark }: ChartProps) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  useEffect(() => {
    const element = place.current;
    if (element === null) return undefined;
    const made = new uPlot(
      plotOptions(element, { ...SETTINGS, lines, format, isLogarithmic }),
      [[], ...lines.map(() => [])],
      element,
    );
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
    const rows = lines.map((line) => drawn(line, isLogarithmic));
    plot.current?.setData([[...at], ...rows] as uPlot.AlignedData);
    // Where nobody points, the legend tells how it is now.
    if (plot.current?.cursor.idx == null) plot.current?.setLegend({ idx: at.length - 1 });
  });
  return <div class="chart" ref={place} role="img" aria-label={label} />;
}

function clock(seconds: number): string {
  return new Date(seconds * 1000).toLocaleTimeString("en-GB");
}
