import { POLICY_TEXT } from "../limit/policy.ts";
import { REDIS_URL } from "./cache-options.ts";
import type { OptionRow } from "./option-row.ts";

/** Options of rate limits; `limits` of the config file says more. */
export const LIMIT_OPTIONS = [
  {
    path: "limit.policies",
    type: "list",
    default: [],
    min: 0,
    max: 20,
    flag: "limit",
    pattern: { expression: POLICY_TEXT, words: "limits such as burst=100/1m/ip or daily=10000/1d/key/fixed-window" },
    description:
      "Rate limits as NAME=QUOTA/WINDOW, then by whom (`ip`, `key`, `user`, `route`, `everyone`, `claim:NAME`) and the algorithm; more can be said in `limits` of the config file.",
  },
  {
    path: "limit.redis",
    type: "string",
    default: null,
    secret: true,
    pattern: REDIS_URL,
    description: "Redis or Valkey that nodes count in together; none: that of `cache.redis`, if there is one.",
  },
  {
    path: "limit.shared",
    type: "boolean",
    default: true,
    flag: "limit-shared",
    description: "Count in Redis where there is one; off, each node counts for itself.",
  },
  {
    path: "limit.timeout",
    type: "duration",
    default: "100ms",
    min: "1ms",
    max: "10s",
    description: "How long a decision of Redis is waited for.",
  },
  {
    path: "limit.whenUnreachable",
    type: "choice",
    default: "share",
    choices: ["share", "refuse"],
    description:
      "What happens while Redis cannot be asked: each node grants `limit.sharePercent` of every quota, or all are refused.",
  },
  {
    path: "limit.sharePercent",
    type: "integer",
    default: 50,
    min: 1,
    max: 100,
    description: "A node's part of a quota while Redis cannot be asked; 100 divided by the number of nodes is exact.",
  },
  {
    path: "limit.ipv6Prefix",
    type: "integer",
    default: 64,
    min: 16,
    max: 128,
    flag: "limit-ipv6-prefix",
    description: "Bits of an IPv6 address that count as one client: whoever has one address has 2^64 of them.",
  },
  {
    path: "limit.trustedProxies",
    type: "list",
    default: [],
    min: 0,
    max: 1000,
    pattern: { expression: /^[0-9a-f.:]+(\/\d{1,3})?$/i, words: "addresses or networks such as 10.0.0.0/8" },
    description: "Proxies before us whose `X-Forwarded-For` tells who the client is.",
  },
  {
    path: "limit.fields",
    type: "boolean",
    default: true,
    description: "Send `RateLimit-Policy` and `RateLimit` with every reply that a limit concerns.",
  },
] as const satisfies readonly OptionRow[];
