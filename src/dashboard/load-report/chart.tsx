import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import { drawn, type Line, plotOptions, type PlotSettings } from "../plot-options.ts";
import { clock } from "./format.ts";

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

/** All charts of a report. */
const SETTINGS = {
  clock,
  leastHigh: 1e-6,
  axisWidth: 62,
  rightPadding: 16,
  spacing: 64,
  xLabel: "at",
  absent: "",
  x: { time: false },
  syncKey: "run",
} satisfies Partial<PlotSettings>;

/** Lines over the time of a run; all charts of a report point at the same moment. */
export function Chart({ label, at, lines, format, isLogarithmic = false, isDark, height = 200 }: ChartProps) {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const element = place.current;
    if (element === null) return undefined;
    const rows = lines.map((line) => drawn(line, isLogarithmic));
    const made = new uPlot(
      plotOptions(element, { ...SETTINGS, lines, format, isLogarithmic, height }),
      [[...at], ...rows],
      element,
    );
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
