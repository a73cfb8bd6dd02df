import type { Span } from "./span.ts";

/** Whether a span is what a request asked of a database; what several requests shared is no one's. */
export function isStatement(span: Span): boolean {
  return span.kind === "client" && span.name !== "batch" && span.attribute("db.system.name") !== undefined;
}

/** Its text, without values. */
export function textOf(span: Span): string {
  return String(span.attribute("db.query.text") ?? "");
}

/** How long it waited for a connection, in milliseconds. */
export function waitOf(span: Span): number {
  return Number(span.attribute("hotpath.pool.wait_ms") ?? 0);
}

/** How long it took; what goes on takes until its request is over. */
export function durationOf(span: Span): number {
  return Math.max(0, (span.endedMs || span.trace.root.endedMs) - span.startedMs);
}
