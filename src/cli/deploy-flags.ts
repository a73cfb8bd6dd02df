import { HotpathError } from "../errors.ts";
import type { CommandFlag, CommandInput } from "./command.ts";

/** Flags of `hotpath deploy`, by what they are for. */
export const DEPLOY_FLAGS: readonly CommandFlag[] = [
  { name: "job", value: "NAME", description: "prometheus: its name for the servers. [hotpath]" },
  { name: "targets", value: "LIST", description: "prometheus: admin listeners, as host:port. [127.0.0.1:3001]" },
  { name: "rules", value: "FILE", description: "prometheus: where it finds the rules. [hotpath.rules.yml]" },
  { name: "availability", value: "PERCENT", description: "prometheus-rules: requests that must not fail. [99.9]" },
  { name: "quick", value: "PERCENT", description: "prometheus-rules: requests as quick as --latency. [99]" },
  { name: "latency", value: "SECONDS", description: "prometheus-rules: a bucket, such as 0.1, 0.25, 1. [0.25]" },
  { name: "app", value: "NAME", description: "kubernetes: name of everything. [api]" },
  { name: "image", value: "IMAGE", description: "kubernetes: what pods run. [api:latest]" },
  {
    name: "port",
    value: "PORT",
    description: "kubernetes, dockerfile, compose: of the API; nginx: its own. [3000, nginx 8080]",
  },
  { name: "min-pods", value: "N", description: "kubernetes, simulate: fewest pods. [2]" },
  { name: "max-pods", value: "N", description: "kubernetes, simulate: most pods. [10]" },
  { name: "cpu", value: "MILLICORES", description: "kubernetes: CPU that a pod asks for. [1000]" },
  { name: "memory", value: "MIB", description: "kubernetes: memory of a pod. [512]" },
  { name: "cpu-target", value: "PERCENT", description: "kubernetes, simulate: of the CPU asked for. [70]" },
  { name: "rate-target", value: "N", description: "kubernetes, simulate: requests a second and pod. [100]" },
  { name: "up-after", value: "SECONDS", description: "kubernetes, simulate: window for more pods. [60]" },
  { name: "up-percent", value: "PERCENT", description: "kubernetes, simulate: more pods at once. [100]" },
  { name: "up-period", value: "SECONDS", description: "kubernetes, simulate: and in so long. [15]" },
  { name: "down-after", value: "SECONDS", description: "kubernetes, simulate: window for fewer pods. [300]" },
  { name: "grace", value: "SECONDS", description: "kubernetes: for requests under way at the end. [10]" },
  { name: "origins", value: "LIST", description: "nginx, varnish: the API, as host:port. [127.0.0.1:3000]" },
  { name: "cache-folder", value: "PATH", description: "nginx: where it keeps replies. [/var/cache/nginx/hotpath]" },
  { name: "cert", value: "FILE", description: "nginx: certificate; with --key it speaks TLS and HTTP/2." },
  { name: "key", value: "FILE", description: "nginx: private key of the certificate." },
  { name: "brotli", description: "nginx: it has the brotli module." },
  { name: "purgers", value: "LIST", description: "varnish: addresses that may purge. [127.0.0.1]" },
  { name: "stale", value: "SECONDS", description: "varnish: how long stale replies are kept. [3600]" },
  { name: "shape", value: "SHAPE", description: "simulate: diurnal or flash-crowd. [diurnal]" },
  { name: "trace", value: "FILE", description: "simulate: a load, lines of `seconds,requests a second`." },
  { name: "base", value: "N", description: "simulate: requests a second at the quietest. [50]" },
  { name: "peak", value: "N", description: "simulate: requests a second at the busiest. [1000]" },
  { name: "duration", value: "SECONDS", description: "simulate: how long it lasts. [3600]" },
  { name: "capacity", value: "N", description: "simulate: requests a second of one pod, by hotpath load. [200]" },
  { name: "service", value: "MS", description: "simulate: what a request takes on an idle pod. [5]" },
  { name: "start", value: "SECONDS", description: "simulate: until a new pod answers. [20]" },
  { name: "lag", value: "SECONDS", description: "simulate: age of the metrics. [30]" },
  { name: "limit", value: "MS", description: "simulate: latency that the recommendation stays below. [250]" },
  { name: "price", value: "AMOUNT", description: "simulate: of a pod for an hour. [0.05]" },
  { name: "script", value: "FILE", description: "github: the load test. [load-test.js]" },
  { name: "run", value: "COMMAND", description: "github: what starts the API. [npm start]" },
  { name: "url", value: "URL", description: "github: answers once the API is up. [http://127.0.0.1:3000/]" },
  { name: "tolerance", value: "PERCENT", description: "github: a figure may get worse by that. [10]" },
  { name: "json", description: "simulate: everything, second by second, as JSON." },
];

/** What was given, or what stands for it. */
export interface DeployFlags {
  text(name: string, otherwise: string): string;
  optional(name: string): string | undefined;
  has(name: string): boolean;
  list(name: string, otherwise: string): readonly string[];
  /** A whole number within bounds. */
  count(name: string, otherwise: number, most?: number): number;
  /** Above zero. */
  amount(name: string, otherwise: number): number;
  /** Of a file, as nginx takes it without quotes. */
  path(name: string, otherwise: string): string;
  /** A least and a most that belong together. */
  range(least: string, most: string, read: (name: string) => number): { readonly least: number; readonly most: number };
  /** Given, but asked for by nobody. */
  unused(): readonly string[];
}

/** Reads the flags; each complains of its own value (HP_ARGUMENT_INVALID). */
export function readDeployFlags(own: CommandInput["own"]): DeployFlags {
  const asked = new Set<string>();
  const given = (name: string): string | boolean | undefined => {
    asked.add(name);
    return own.get(name);
  };
  const text = (name: string, otherwise: string): string => String(given(name) ?? otherwise);
  return {
    text,
    optional(name) {
      const value = given(name);
      return value === undefined ? undefined : String(value);
    },
    has: (name) => given(name) === true,
    path(name, otherwise) {
      const value = text(name, otherwise);
      if (/^[^\s;{}"'$\\]+$/.test(value)) return value;
      throw misused(`--${name} is a path without blanks, quotes and any of ; { } $ \\.`);
    },
    range(least, most, read) {
      const range = { least: read(least), most: read(most) };
      if (range.least <= range.most) return range;
      throw misused(`--${least} is at most --${most}; received ${range.least} and ${range.most}.`);
    },
    unused: () => [...own.keys()].filter((name) => !asked.has(name)),
    list: (name, otherwise) =>
      text(name, otherwise)
        .split(",")
        .map((each) => each.trim()),
    count(name, otherwise, most = MOST) {
      const value = Number(text(name, String(otherwise)));
      if (Number.isInteger(value) && value >= 1 && value <= most) return value;
      throw misused(`--${name} is a whole number from 1 to ${most}; received ${text(name, "")}.`);
    },
    amount(name, otherwise) {
      const value = Number(text(name, String(otherwise)));
      if (Number.isFinite(value) && value > 0) return value;
      throw misused(`--${name} is a number above zero; received ${text(name, "")}.`);
    },
  };
}

const MOST = 1_000_000;

/** Numbers of pods, and what they are where nothing is said. */
export function podsOf(flags: DeployFlags): (name: string) => number {
  return (name) => flags.count(name, name === "min-pods" ? 2 : 10);
}

export function misused(message: string): HotpathError {
  return new HotpathError("HP_ARGUMENT_INVALID", message, { todo: "`hotpath help deploy` shows what it takes." });
}
