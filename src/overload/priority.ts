import type { SourceRequest } from "../api/source-request.ts";
import { createNetworks } from "../http/address.ts";
import { createRouteTest } from "../limit/routes.ts";

/** How important a request is when not all can be answered, the most important first. */
export const PRIORITIES = ["high", "normal", "low"] as const;
export type Priority = (typeof PRIORITIES)[number];
/** Something for each. */
export type Priorities<Value> = Readonly<Record<Priority, Value>>;

/** What a rule looks like: a priority, then what it is for. */
export const PRIORITY_RULE =
  /^(?:high|normal|low)=(?:reads|writes|claim:[^=\s]{1,100}=.{1,200}|(?:[A-Z]+ )?\/(?:[\w.~!$&'()+,;=:@%-]+|\*|\/)*)$/;

export interface PriorityOptions {
  /** As `PRIORITY_RULE` says; the first that is for a request decides. */
  readonly rules: readonly string[];
  /** Addresses and networks of peers whose `Priority` may ask for more than others get. */
  readonly trustedCallers: readonly string[];
}

/**
 * Tells how important a request is: as a rule says, else as its `Priority` field does (RFC 9218, urgency 0 to 7): anyone may say that it can
 * wait, that it cannot only who is trusted. What the cache refreshes while it has something to give can wait.
 */
export function createPriority({ rules, trustedCallers }: PriorityOptions): (request: SourceRequest) => Priority {
  const tests = rules.map((rule) => {
    const end = rule.indexOf("=");
    return { priority: rule.slice(0, end) as Priority, concerns: toTest(rule.slice(end + 1)) };
  });
  const isTrusted = createNetworks(trustedCallers);
  return (request) => {
    if (request.isUnattended === true) return "low";
    const rule = tests.find(({ concerns }) => concerns(request));
    if (rule !== undefined) return rule.priority;
    const urgency = urgencyOf(request.headers["priority"]);
    if (urgency >= CAN_WAIT) return "low";
    return urgency < USUAL && isTrusted(request.remoteAddress) ? "high" : "normal";
  };
}

function toTest(what: string): (request: SourceRequest) => boolean {
  if (what === "reads") return ({ method }) => method === "GET" || method === "HEAD";
  if (what === "writes") return ({ method }) => WRITES.has(method);
  if (what.startsWith("claim:")) {
    const end = what.indexOf("=");
    const claim = what.slice("claim:".length, end);
    const value = what.slice(end + 1);
    return ({ identity }) => isText(identity?.claims[claim]) && String(identity.claims[claim]) === value;
  }
  const concerns = createRouteTest([what]);
  return ({ method, path }) => concerns(method, path);
}

const WRITES = new Set(["POST", "PUT", "PATCH", "DELETE"]);

function isText(value: unknown): value is string | number | boolean {
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean";
}

/** RFC 9218 section 4.1: 3 where nothing else is said. */
function urgencyOf(field: string | string[] | undefined): number {
  if (field === undefined) return USUAL;
  const match = /(?:^|[,\s])u=([0-7])(?:[,;\s]|$)/.exec(String(field));
  return match === null ? USUAL : Number(match[1]);
}

const USUAL = 3;
/** Browsers ask for images and prefetched pages with 4 and 5; 6 and 7 are for what nobody looks at. */
const CAN_WAIT = 6;
