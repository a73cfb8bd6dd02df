import { useEffect, useRef, useState } from "preact/hooks";
import type { DashboardState } from "../observe/dashboard/dashboard.ts";
import type { Point } from "../observe/dashboard/history.ts";

/** As many seconds as the server keeps. */
const POINTS = 300;

export interface Live {
  readonly state: DashboardState | undefined;
  /** All seconds that are known, while a message brings the last one. */
  readonly points: readonly Point[];
  readonly isConnected: boolean;
}

/** The server's state, each second, for as long as the page is not paused. */
export function useLive(isPaused: boolean): Live {
  const [live, setLive] = useState<Live>({ state: undefined, points: [], isConnected: false });
  const paused = useRef(isPaused);
  paused.current = isPaused;
  useEffect(() => {
    const source = new EventSource("/dashboard/events");
    source.addEventListener("message", ({ data }: MessageEvent<string>) => {
      const state = JSON.parse(data) as DashboardState;
      setLive((before) => {
        const points = merge(before.points, state.points);
        return paused.current && before.state !== undefined
          ? { ...before, isConnected: true }
          : { state, points, isConnected: true };
      });
    });
    source.addEventListener("error", () => setLive((before) => ({ ...before, isConnected: false })));
    return () => source.close();
  }, []);
  return live;
}

function merge(before: readonly Point[], added: readonly Point[]): readonly Point[] {
  const first = added[0]?.at ?? Infinity;
  return [...before.filter(({ at }) => at < first), ...added].slice(-POINTS);
}
