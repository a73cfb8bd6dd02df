import { destination, pino, stdTimeFunctions } from "pino";
import type { Log } from "../api/source.ts";
import { toPretty } from "./pretty.ts";
import { redact } from "./redact.ts";

/** Levels of the log, from most to least told; `silent` tells nothing. */
export type LogLevel = "debug" | "info" | "warn" | "error" | "silent";

/** How to write the log. */
export interface LogOptions {
  /** Default `info`. */
  readonly level?: LogLevel | undefined;
  /** Lines for people instead of JSON. */
  readonly pretty?: boolean | undefined;
  /** Takes finished lines, each with its line end. Default: standard error, which keeps output of commands clean. */
  readonly destination?: { write(line: string): void } | undefined;
}

/** A log of one JSON object a line: `level` in words, `time` in ISO 8601, without secrets (see `redact`). */
export function createLog(options: LogOptions = {}): Log {
  const hasColours = options.destination === undefined && process.stderr.isTTY && !process.env["NO_COLOR"];
  const log = pino(
    {
      level: options.level ?? "info",
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      hooks: { streamWrite: options.pretty === true ? (line) => toPretty(redact(line), hasColours) : redact },
    },
    options.destination ?? destination({ fd: process.stderr.fd, sync: true }),
  );
  return {
    debug: (details, message) => log.debug(details, message),
    info: (details, message) => log.info(details, message),
    warn: (details, message) => log.warn(details, message),
    error: (details, message) => log.error(details, message),
  };
}
