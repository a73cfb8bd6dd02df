import type { RequestLog } from "./settings.ts";

/** The lowest status that is logged. */
export const LEAST_LOGGED: Readonly<Record<RequestLog, number>> = {
  none: Number.POSITIVE_INFINITY,
  failed: 500,
  errors: 400,
  all: 0,
};
