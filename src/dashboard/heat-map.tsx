import { useEffect, useRef, useState } from "preact/hooks";
import type { Point } from "../observe/dashboard/history.ts";
import { count, duration } from "./format.ts";
import { openCanvas } from "./canvas.ts";
import { colour } from "./theme.ts";

/** In milliseconds; what is above the last falls into one more bucket. */
const BOUNDS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000];
const LEAST_SECONDS = 60;
const ROW = 11;
const LEFT = 58;
const BOTTOM = 4;

/** How many requests took how long, second by second: what percentiles hide. */
export function HeatMap({ points, isDark }: { readonly points: readonly Point[]; readonly isDark: boolean }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [told, setTold] = useState("");
  const height = ROW * (BOUNDS.length + 1) + BOTTOM;
  const draw = (): void => {
    if (canvas.current !== null) paint(canvas.current, points, height);
  };
  useEffect(draw, [points, isDark]);
  useEffect(() => {
    const observer = new ResizeObserver(draw);
    if (canvas.current?.parentElement) observer.observe(canvas.current.parentElement);
    return () => observer.disconnect();
  });
  const seconds = Math.max(LEAST_SECONDS, points.length);
  const look = (event: MouseEvent): void => {
    const box = (event.target as HTMLElement).getBoundingClientRect();
    const column = Math.floor(((event.clientX - box.left - LEFT) / (box.width - LEFT)) * seconds);
    const row = BOUNDS.length - Math.floor((event.clientY - box.top) / ROW);
    const point = points[points.length - seconds + column];
    const found = point?.buckets[row];
    const from = row === 0 ? "up to" : `${duration(BOUNDS[row - 1])} to`;
    setTold(point && found ? `${count(found)} took ${from} ${duration(BOUNDS[row] ?? Infinity)}` : "");
  };
  return (
    <div class="heat">
      <canvas
        ref={canvas}
        style={{ height: `${height}px` }}
        role="img"
        aria-label="Requests by duration, second by second"
        onMouseMove={look}
        onMouseLeave={() => setTold("")}
      />
      <p class="note">{told || "Each column is a second; the stronger, the more requests took that long."}</p>
    </div>
  );
}

function paint(canvas: HTMLCanvasElement, points: readonly Point[], height: number): void {
  const width = canvas.clientWidth;
  const context = openCanvas(canvas, height);
  if (context === undefined) return;
  const seconds = Math.max(LEAST_SECONDS, points.length);
  const column = (width - LEFT) / seconds;
  const most = Math.max(1, ...points.flatMap(({ buckets }) => buckets));
  for (const [at, bound] of BOUNDS.entries()) {
    const y = height - BOTTOM - (at + 1) * ROW;
    if (at % 3 === 1) {
      context.fillStyle = colour("muted");
      context.fillText(duration(bound), LEFT - 8, y);
      context.fillStyle = colour("line");
      context.fillRect(LEFT, Math.round(y), width - LEFT, 1);
    }
  }
  const ink = colour("heat");
  for (const [at, { buckets }] of points.entries()) {
    const x = LEFT + (seconds - points.length + at) * column;
    for (const [bucket, found] of buckets.entries()) {
      if (found === 0) continue;
      // Single slow requests are to be seen beside thousands of quick ones.
      context.globalAlpha = 0.18 + 0.82 * (Math.log1p(found) / Math.log1p(most));
      context.fillStyle = ink;
      context.fillRect(x, height - BOTTOM - (bucket + 1) * ROW, Math.max(1, column + 0.3), ROW - 1);
    }
  }
  context.globalAlpha = 1;
}
