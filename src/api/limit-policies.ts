import { HotpathError } from "../errors.ts";
import type { LimitAlgorithm, LimitCost, LimitFunction, LimitPolicy } from "../limit/policy.ts";
import { ROUTE } from "../limit/routes.ts";
import { nearest } from "./nearest.ts";
import type { Duration } from "./option-types.ts";
import { parseDuration } from "./option-value.ts";

/** One rate limit as written in `defineApi({ limits: [ … ] })`. */
export interface LimitOptions {
  /** Names it in `RateLimit-Policy`, metrics and Redis. Letters, digits, `_` and `-`. */
  name: string;
  /** Units a window; for `concurrency`, requests at once. */
  quota: number;
  /** Not for `concurrency`. */
  window?: Duration | undefined;
  /**
   * Whom it counts for: an address (`ip`), an API key (`key`), a token's subject (`user`), one claim (`claim:tenant`), a
   * route, everyone together, or what a function says. Who shows no credentials counts by address. Default `ip`.
   */
  by?: "ip" | "key" | "user" | "route" | "everyone" | `claim:${string}` | LimitFunction | undefined;
  /** Default `gcra`: units come back one by one. */
  algorithm?: LimitAlgorithm | undefined;
  /** Units that may come at once, for `gcra`. Default: the quota. */
  burst?: number | undefined;
  /** Default: one unit a request. */
  cost?: LimitCost | undefined;
  /** Quotas by the value of a claim: `{ claim: "plan", quotas: { pro: 1000 } }`. */
  tiers?: { readonly claim: string; readonly quotas: Readonly<Record<string, number>> } | undefined;
  /** `/users/*`, `POST /orders`. Default: every route. */
  routes?: readonly string[] | undefined;
  /** Units that a node takes from Redis at once, so that most requests need not ask. Default 0: each asks. */
  lease?: number | undefined;
}

/**
 * Checks what `limits` holds, and the policies that were written as texts (`burst=100/1m/ip`), and completes them.
 *
 * @throws HotpathError HP_OPTION_INVALID, HP_OPTION_UNKNOWN
 */
export function resolvePolicies(given: unknown, texts: readonly string[]): readonly LimitPolicy[] {
  if (given !== undefined && !Array.isArray(given)) throw invalid("limits", "a list of policies");
  const options = [...((given as readonly unknown[] | undefined) ?? []), ...texts.map(parsePolicy)];
  if (options.length > MAX_POLICIES) throw invalid("limits", `at most ${MAX_POLICIES} policies`);
  const policies = options.map((option, index) => resolvePolicy(option, `limits[${index}]`));
  const twice = policies.find(({ name }, index) => policies.findIndex((other) => other.name === name) !== index);
  if (twice !== undefined) throw new HotpathError("HP_OPTION_INVALID", `Two limits are named ${twice.name}.`);
  return Object.freeze(policies);
}

/** Every request is asked of each. */
const MAX_POLICIES = 20;
/** The log keeps an entry for each unit. */
const MAX_LOGGED_QUOTA = 10_000;
const NAMES = ["name", "quota", "window", "by", "algorithm", "burst", "cost", "tiers", "routes", "lease"];
const ALGORITHMS: readonly string[] = ["gcra", "sliding-window", "sliding-log", "fixed-window", "concurrency"];
const SUBJECTS: readonly string[] = ["ip", "key", "user", "route", "everyone"];

function parsePolicy(text: string): LimitOptions {
  const [name = "", rest = ""] = text.split("=");
  const [quota, window = "", by, algorithm] = rest.split("/");
  return {
    name,
    quota: Number(quota),
    window,
    by: by as "ip" | undefined,
    algorithm: algorithm as LimitAlgorithm | undefined,
  };
}

function resolvePolicy(given: unknown, place: string): LimitPolicy {
  if (typeof given !== "object" || given === null) throw invalid(place, "an object such as { name, quota, window }");
  for (const name of Object.keys(given)) {
    if (NAMES.includes(name)) continue;
    const suggestion = nearest(name, NAMES);
    const hint = suggestion === undefined ? "" : ` Did you mean ${suggestion}?`;
    throw new HotpathError("HP_OPTION_UNKNOWN", `Option ${place}.${name} is not known.${hint}`);
  }
  const option = given as LimitOptions;
  const { name, quota, by = "ip", algorithm = "gcra", cost = "request", routes = [], lease = 0 } = option;
  const check = (isRight: boolean, field: string, allowed: string): void => {
    if (!isRight) throw invalid(`${place}.${field}`, allowed);
  };
  check(typeof name === "string" && /^[\w-]{1,64}$/.test(name), "name", "up to 64 letters, digits, _ and -");
  check(ALGORITHMS.includes(algorithm), "algorithm", `one of ${ALGORITHMS.join(", ")}`);
  check(isWhole(quota, 1, 1e12), "quota", "a whole number from 1");
  check(isSubject(by), "by", `one of ${SUBJECTS.join(", ")}, claim:NAME, or a function`);
  check(isCost(cost), "cost", "request, rows, bytes, or a function");
  check(isWhole(lease, 0, quota), "lease", "a whole number up to the quota");
  check(
    Array.isArray(routes) &&
      routes.length <= 100 &&
      routes.every((route) => typeof route === "string" && ROUTE.test(route)),
    "routes",
    "a list of up to 100 routes such as /users/* or POST /orders",
  );
  const isConcurrency = algorithm === "concurrency";
  const windowMs = isConcurrency && option.window === undefined ? 0 : toWindow(option.window, `${place}.window`);
  check(!isConcurrency || windowMs === 0, "window", "left out: requests at once know no window");
  check(
    algorithm !== "sliding-log" || quota <= MAX_LOGGED_QUOTA,
    "quota",
    `at most ${MAX_LOGGED_QUOTA} for sliding-log`,
  );
  check(!isConcurrency || cost === "request", "cost", "request: requests at once are counted one by one");
  const burst = option.burst ?? quota;
  check(isWhole(burst, 1, quota), "burst", "a whole number from 1 to the quota");
  const tiers = toTiers(option.tiers, `${place}.tiers`);
  return Object.freeze({ name, algorithm, quota, windowMs, burst, by, cost, tiers, routes: [...routes], lease });
}

function toWindow(window: unknown, place: string): number {
  const windowMs = typeof window === "string" ? parseDuration(window) : window;
  if (isWhole(windowMs, 1, 366 * 864e5)) return windowMs;
  throw invalid(place, "a duration such as 1s, 1m or 1d");
}

function toTiers(given: LimitOptions["tiers"], place: string): LimitPolicy["tiers"] {
  if (given === undefined) return null;
  const { claim, quotas } = given;
  const entries = typeof quotas === "object" && quotas !== null ? Object.entries(quotas) : [];
  const isRight =
    typeof claim === "string" && entries.length > 0 && entries.every(([, quota]) => isWhole(quota, 1, 1e12));
  if (!isRight) throw invalid(place, 'a claim and quotas, such as { claim: "plan", quotas: { pro: 1000 } }');
  return { claim, quotas: new Map(entries) };
}

function isSubject(by: unknown): boolean {
  if (typeof by === "function") return true;
  return typeof by === "string" && (SUBJECTS.includes(by) || /^claim:.{1,100}$/.test(by));
}

function isCost(cost: unknown): boolean {
  return typeof cost === "function" || cost === "request" || cost === "rows" || cost === "bytes";
}

function isWhole(value: unknown, least: number, most: number): value is number {
  return Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most;
}

function invalid(place: string, allowed: string): HotpathError {
  return new HotpathError("HP_OPTION_INVALID", `Option ${place} must be ${allowed}.`);
}
