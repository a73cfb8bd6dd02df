import { listElementEnd, listElementStart } from "./syntax.ts";

/** Appends this intermediary to a `Via` field (RFC 9110 section 7.6.3). */
export function addVia(current: string | readonly string[] | undefined, httpVersion: string, name: string): string {
  const entry = `${httpVersion} ${name}`;
  if (current === undefined || current.length === 0) return entry;
  return `${typeof current === "string" ? current : current.join(", ")}, ${entry}`;
}

/** Whether a message has passed an intermediary of this name before: it goes round in circles. */
export function hasPassed(via: string | readonly string[] | undefined, name: string): boolean {
  if (via === undefined) return false;
  const text = typeof via === "string" ? via : via.join(", ");
  let at = listElementStart(text, 0);
  while (at < text.length) {
    const end = listElementEnd(text, at);
    const [, receivedBy] = text
      .slice(at, end)
      .trim()
      .split(/[ \t]+/, 2);
    if (receivedBy?.toLowerCase() === name.toLowerCase()) return true;
    at = listElementStart(text, end);
  }
  return false;
}
