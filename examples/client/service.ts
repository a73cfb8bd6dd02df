import { createClient } from "hotpath/client";

/** Counts by what happened, as one would feed a metrics library. */
export const outcomes = new Map<string, number>();

export const client = createClient({
  maxBytes: 64 * 1024 * 1024,
  retries: 3,
  timeoutMs: 5000,
  identityHeaders: ["authorization", "cookie", "x-tenant"],
  onEvent: ({ type }) => outcomes.set(type, (outcomes.get(type) ?? 0) + 1),
});
