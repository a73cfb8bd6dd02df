import { HotpathError } from "../../errors.ts";
import type { HostOverrides } from "../client/target.ts";
import type { Stage } from "../plan.ts";
import { type Threshold, parseLoadDuration, parseThresholds } from "../thresholds.ts";

/** Flags of `hotpath load` as they were given. */
export interface LoadFlags {
  text(name: string): string | undefined;
  lines(name: string): readonly string[];
  is(name: string): boolean;
  /** A whole number above 0. */
  count(name: string): number | undefined;
  /** In milliseconds. */
  duration(name: string): number | undefined;
  stages(): Stage[];
  thresholds(): Threshold[];
  hosts(): HostOverrides;
}

/** @throws HotpathError HP_ARGUMENT_INVALID, from each of its functions, for a value that cannot be read */
export function readFlags(own: ReadonlyMap<string, string | boolean>): LoadFlags {
  const text = (name: string): string | undefined => {
    const value = own.get(name);
    return typeof value === "string" ? value : undefined;
  };
  const lines = (name: string): readonly string[] => text(name)?.split("\n") ?? [];
  return {
    text,
    lines,
    is: (name) => own.get(name) === true,
    count(name) {
      const value = text(name);
      if (value === undefined) return undefined;
      const number = Number(value);
      if (Number.isInteger(number) && number > 0) return number;
      throw misused(`--${name} takes a whole number above 0, not ${value}.`);
    },
    duration(name) {
      const value = text(name);
      if (value === undefined) return undefined;
      try {
        return parseLoadDuration(/^\d+$/.test(value) ? `${value}s` : value);
      } catch {
        throw misused(`--${name} takes a duration such as 30s or 5m, not ${value}.`);
      }
    },
    stages: () =>
      lines("stage")
        .flatMap((line) => line.split(","))
        .map(parseStage),
    thresholds() {
      const conditions = new Map<string, string[]>();
      for (const line of lines("threshold")) {
        const match = /^(.+?(?:\{[^}]*\})?)\s*:\s*([a-z]+(?:\([^)]*\))?\s*[<>=!].*)$/i.exec(line);
        if (match === null) throw misused(`--threshold takes METRIC:CONDITION, not ${line}.`);
        const [, metric = "", condition = ""] = match;
        conditions.set(metric, [...(conditions.get(metric) ?? []), condition]);
      }
      return parseThresholds(Object.fromEntries(conditions));
    },
    hosts: () => Object.fromEntries(lines("host").map(parseHost)),
  };
}

export function misused(message: string): HotpathError {
  return new HotpathError("HP_ARGUMENT_INVALID", message);
}

function parseStage(text: string): Stage {
  const match = /^\s*([^:]+):(\d+(?:\.\d+)?)\s*$/.exec(text);
  if (match === null) throw misused(`--stage takes TIME:TARGET, such as 30s:100, not ${text}.`);
  return { durationMs: parseLoadDuration(match[1]), target: Number(match[2]) };
}

function parseHost(line: string): readonly [string, string] {
  const at = line.indexOf("=");
  if (at > 0 && at < line.length - 1) return [line.slice(0, at).trim(), line.slice(at + 1).trim()];
  throw misused(`--host takes NAME=TARGET, such as api.example.com=127.0.0.1:8443, not ${line}.`);
}
