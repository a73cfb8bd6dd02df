import { useEffect, useRef, useState } from "preact/hooks";
import type { Point } from "../../load/series.ts";
import { HEAT_LEAST_MS, HEAT_ROWS_A_POWER } from "../../load/heat-rows.ts";
import { openCanvas } from "../canvas.ts";
import { colour } from "../theme.ts";
import { clock, count, milliseconds } from "./format.ts";

const ROW = 9;
const LEFT = 62;
const BOTTOM = 22;

/** How many requests took how long, step by step: what percentiles hide. */
export function Heat({ points, isDark }: { readonly points: readonly Point[]; readonly isDark: boolean }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [told, setTold] = useState("");
  const rows = points.flatMap(({ heat }) => heat.filter((_value, at) => at % 2 === 0));
  const low = Math.max(0, Math.min(...rows) - 1);
  const high = Math.max(...rows) + 1;
  const height = (high - low + 1) * ROW + BOTTOM;
  useEffect(() => {
    const element = canvas.current;
    if (element === null) return undefined;
    const draw = (): void => paint(element, points, low, high, height);
    draw();
    const observer = new ResizeObserver(draw);
    observer.observe(element.parentElement ?? element);
    return () => observer.disconnect();
  }, [isDark]);
  const look = (event: MouseEvent): void => {
    const box = (event.target as HTMLElement).getBoundingClientRect();
    const column = Math.floor(((event.clientX - box.left - LEFT) / (box.width - LEFT)) * points.length);
    const row = high - Math.floor((event.clientY - box.top) / ROW);
    const point = points[column];
    const at = point?.heat.findIndex((value, index) => index % 2 === 0 && value === row) ?? -1;
    const found = at < 0 ? 0 : point?.heat[at + 1];
    setTold(
      point === undefined || !found
        ? ""
        : `${clock(point.at)}: ${count(found)} took ${row === 0 ? "up to" : `${milliseconds(boundOf(row - 1))} to`} ${milliseconds(boundOf(row))}`,
    );
  };
  return (
    <div class="heat">
      <canvas
        ref={canvas}
        style={{ height: `${height}px` }}
        role="img"
        aria-label="Requests by duration over the time of the run"
        onMouseMove={look}
        onMouseLeave={() => setTold("")}
      />
      <p class="note">{told || "The stronger, the more requests took that long at that time."}</p>
    </div>
  );
}

/** The upper bound of a row. */
function boundOf(row: number): number {
  return HEAT_LEAST_MS * 10 ** (row / HEAT_ROWS_A_POWER);
}

function paint(canvas: HTMLCanvasElement, points: readonly Point[], low: number, high: number, height: number): void {
  const width = canvas.clientWidth;
  const context = openCanvas(canvas, height);
  if (context === undefined) return;
  const column = (width - LEFT) / points.length;
  const most = Math.max(1, ...points.flatMap(({ heat }) => heat.filter((_value, at) => at % 2 === 1)));
  for (let row = low; row <= high; row++) {
    if (row % HEAT_ROWS_A_POWER !== 0 && row % HEAT_ROWS_A_POWER !== 5) continue;
    const y = (high - row) * ROW;
    context.fillStyle = colour("line");
    context.fillRect(LEFT, Math.round(y), width - LEFT, 1);
    if (row % HEAT_ROWS_A_POWER !== 0) continue;
    context.fillStyle = colour("muted");
    context.fillText(milliseconds(boundOf(row)), LEFT - 8, Math.max(6, y));
  }
  context.textAlign = "center";
  const every = Math.max(1, Math.ceil(points.length / Math.max(2, (width - LEFT) / 90)));
  for (let at = 0; at < points.length; at += every) {
    context.fillStyle = colour("muted");
    context.fillText(clock(points[at]!.at), Math.min(width - 14, LEFT + (at + 0.5) * column), height - 8);
  }
  context.fillStyle = colour("heat");
  for (const [at, { heat }] of points.entries()) {
    for (let index = 0; index + 1 < heat.length; index += 2) {
      // Single slow requests are to be seen beside thousands of quick ones.
      context.globalAlpha = 0.16 + 0.84 * (Math.log1p(heat[index + 1]!) / Math.log1p(most));
      context.fillRect(LEFT + at * column, (high - heat[index]!) * ROW, Math.max(1, column + 0.3), ROW - 1);
    }
  }
  context.globalAlpha = 1;
}
