import { PRIORITY_RULE } from "../overload/priority.ts";
import type { OptionRow } from "./option-row.ts";

/** Options of what happens when more is asked of a source than it can answer. */
export const OVERLOAD_OPTIONS = [
  {
    path: "overload.enabled",
    type: "boolean",
    default: true,
    flag: "overload",
    description:
      "Give each source only as many requests at once as it answers in time, and refuse those that would wait.",
  },
  {
    path: "overload.delay",
    type: "duration",
    default: "1s",
    min: "1ms",
    max: "1m",
    description:
      "How long a request may wait for its turn in a burst. Once one has waited in vain, none waits for longer than an answer may take.",
  },
  {
    path: "overload.minLimit",
    type: "integer",
    default: 2,
    min: 1,
    max: 100_000,
    description:
      "Requests that a source is always given at once; where even they take too long, that is taken for its pace.",
  },
  {
    path: "overload.maxLimit",
    type: "integer",
    default: 10_000,
    min: 1,
    max: 1_000_000,
    description: "Requests that a source is given at once at most.",
  },
  {
    path: "overload.maxWaiting",
    type: "integer",
    default: 10_000,
    min: 1,
    max: 100_000,
    description: "Requests that wait for a source; of more the least important is refused that waits longest.",
  },
  {
    path: "overload.priorities",
    type: "list",
    default: [],
    min: 0,
    max: 100,
    pattern: {
      expression: PRIORITY_RULE,
      words: "rules such as high=POST /orders, low=/reports/*, high=writes or high=claim:plan=pro",
    },
    description:
      "Who goes first when not all can be answered: `high`, `normal` or `low`, then a route, `reads`, `writes` or `claim:NAME=VALUE`; the first that is for a request decides.",
  },
  {
    path: "overload.trustedCallers",
    type: "list",
    default: [],
    min: 0,
    max: 1000,
    pattern: { expression: /^[0-9a-f.:]+(\/\d{1,3})?$/i, words: "addresses or networks such as 10.0.0.0/8" },
    description:
      "Peers whose `Priority: u=0` to `u=2` makes a request `high`; `u=6` and `u=7` make it `low` for everyone.",
  },
  {
    path: "overload.share.high",
    type: "integer",
    default: 50,
    min: 0,
    max: 100,
    description:
      "Of a hundred turns those that `high` requests get at least; what nobody needs goes to the most important.",
  },
  {
    path: "overload.share.normal",
    type: "integer",
    default: 30,
    min: 0,
    max: 100,
    description: "The same for `normal` requests.",
  },
  {
    path: "overload.share.low",
    type: "integer",
    default: 5,
    min: 0,
    max: 100,
    description: "The same for `low` requests.",
  },
  {
    path: "overload.maxLoopDelay",
    type: "duration",
    default: "1s",
    min: "5ms",
    max: "1m",
    description: "Sources get fewer requests while the event loop runs later than this.",
  },
  {
    path: "overload.maxMemoryPercent",
    type: "integer",
    default: 95,
    min: 10,
    max: 100,
    description: "The same while more of the heap, or of the memory that the process may have, is in use.",
  },
] as const satisfies readonly OptionRow[];
