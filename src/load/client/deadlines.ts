import type { Http1Connection } from "./http1.ts";

/** How exactly timeouts are kept. A timer a request would cost more than the request. */
const STEP_MS = 50;

/** Ends exchanges whose time is up, for all connections of a process by one timer. */
export interface Deadlines {
  watch(connection: Http1Connection): void;
  forget(connection: Http1Connection): void;
  stop(): void;
}

export function createDeadlines(): Deadlines {
  const watched = new Set<Http1Connection>();
  const timer = setInterval(() => {
    const now = performance.now();
    for (const connection of watched) if (connection.deadline <= now) connection.timeOut();
  }, STEP_MS);
  timer.unref();
  return {
    watch: (connection) => void watched.add(connection),
    forget: (connection) => void watched.delete(connection),
    stop: () => clearInterval(timer),
  };
}
