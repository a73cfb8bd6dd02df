import type { OptionRow } from "./option-row.ts";
import { POOL_OPTIONS } from "./pool-options.ts";

const IDENTIFIER = { expression: /^[^\0]{1,63}$/u, words: "a name of 1 to 63 characters" };
const FUNCTION = { expression: /^[^\0]{1,127}$/u, words: "a function's name, with or without its schema" };

/** Options of one `postgres()` source. Given as flag or variable they apply to every such source. */
export const POSTGRES_OPTIONS = [
  {
    path: "schemas",
    type: "list",
    default: ["public"],
    min: 1,
    max: 1000,
    pattern: { ...IDENTIFIER, words: "schema names of 1 to 63 characters" },
    description: "Schemas whose tables, views and functions are served; the first is the default.",
  },
  {
    path: "extraSearchPath",
    type: "list",
    default: ["public"],
    min: 0,
    max: 1000,
    pattern: { ...IDENTIFIER, words: "schema names of 1 to 63 characters" },
    description: "Schemas that functions and operators are also looked up in, without being served.",
  },
  {
    path: "anonRole",
    type: "string",
    default: null,
    pattern: IDENTIFIER,
    description: "Role that requests without a token run as; none: the connecting user.",
  },
  {
    path: "allowAnonymous",
    type: "boolean",
    default: true,
    internal: true,
    description: "Answer requests without a token.",
  },
  {
    path: "maxRows",
    type: "integer",
    default: null,
    min: 0,
    max: 2_147_483_647,
    description: "Most rows that one read answers.",
  },
  {
    path: "replicas",
    type: "list",
    default: [],
    min: 0,
    max: 16,
    secret: true,
    pattern: { expression: /^postgres(?:ql)?:\/\//i, words: "connection URLs that begin with postgres://" },
    description:
      "Connection URLs of streaming replicas, which reads go to; after a failover one of them may be the primary.",
  },
  {
    path: "consistency.maxLag",
    type: "duration",
    default: "5s",
    min: "100ms",
    max: "1h",
    description: "How old a read of a replica may be; one that is further behind gets none.",
  },
  {
    path: "consistency.maxWait",
    type: "duration",
    default: "20ms",
    min: 0,
    max: "10s",
    description: "How long a read with a `Consistency-Token` waits for a replica before it goes to the primary.",
  },
  {
    path: "consistency.sticky",
    type: "duration",
    default: null,
    min: "1ms",
    max: "1h",
    description:
      "How long a client that has written sees its writes without sending `Consistency-Token`, on the same node; none: not at all.",
  },
  {
    path: "consistency.checkInterval",
    type: "duration",
    default: "500ms",
    min: "10ms",
    max: "1m",
    description: "How often each server is asked how far it is; at most half of `consistency.maxLag`.",
  },
  {
    path: "maxBulkBytes",
    type: "bytes",
    default: "1GiB",
    nullable: true,
    min: "1KiB",
    max: "1024GiB",
    description:
      "Largest content of a bulk insert, which is stored piece by piece in one transaction; none: `http.maxBodyBytes`, as for any other request.",
  },
  {
    path: "conditionalWrites",
    type: "boolean",
    default: true,
    description:
      "Heed `If-Match`, `If-None-Match` and `If-Unmodified-Since` on writes of one row: 412 instead of a lost update.",
  },
  {
    path: "idempotency.enabled",
    type: "boolean",
    default: true,
    flag: "idempotency",
    description:
      "Heed `Idempotency-Key` on POST and PATCH: a request sent again is answered again, but not carried out again.",
  },
  {
    path: "idempotency.table",
    type: "string",
    default: "hotpath.idempotency_keys",
    pattern: { expression: /^[^\0.]{1,63}(?:\.[^\0.]{1,50})?$/u, words: "a table's name, with or without its schema" },
    description: "Table that holds keys and replies; it is created when it is first needed.",
  },
  {
    path: "idempotency.expireAfter",
    type: "duration",
    default: "1d",
    min: "1s",
    max: "365d",
    description: "How long a key is remembered.",
  },
  {
    path: "updatedAtColumn",
    type: "string",
    default: "updated_at",
    nullable: true,
    pattern: IDENTIFIER,
    description: "Column that holds the time of a row's last change, for `Last-Modified`.",
  },
  {
    path: "reloadChannel",
    type: "string",
    default: "hotpath",
    nullable: true,
    pattern: IDENTIFIER,
    description: "Channel that is listened to: `notify hotpath` makes the server read the database's structure again.",
  },
  {
    path: "rowPaths",
    type: "boolean",
    default: true,
    description: "Answer `/users/123` with the row of that key.",
  },
  {
    path: "cursors",
    type: "boolean",
    default: true,
    description: "Give pages of a list a `Link` to the next one that is as fast at the end as at the start.",
  },
  {
    path: "aggregates",
    type: "boolean",
    default: false,
    description: "Allow `sum()`, `avg()`, `count()`, `max()` and `min()` in `select`.",
  },
  {
    path: "legacyTargetNames",
    type: "boolean",
    default: true,
    internal: true,
    description: "Let filters name an embedded relation that has an alias by its own name, too.",
  },
  {
    path: "planEnabled",
    type: "boolean",
    default: false,
    flag: "plan",
    description: "Answer `Accept: application/vnd.pgrst.plan` with the statement's execution plan.",
  },
  {
    path: "preRequest",
    type: "string",
    default: null,
    pattern: FUNCTION,
    description: "Function called in the transaction of each request before its statement.",
  },
  {
    path: "appSettings",
    type: "list",
    default: [],
    min: 0,
    max: 100,
    secret: true,
    pattern: { expression: /^[A-Za-z_][\w$]*(?:\.[A-Za-z_][\w$]*)*=[^\0]*$/, words: "settings such as `plan=basic`" },
    description: "Settings `name=value` that functions and policies read with `current_setting('app.settings.name')`.",
  },
  {
    path: "hoistedSettings",
    type: "list",
    default: ["statement_timeout", "plan_filter.statement_cost_limit", "default_transaction_isolation"],
    min: 0,
    max: 100,
    pattern: { expression: /^[A-Za-z_][\w.$]{0,62}$/, words: "names of PostgreSQL's settings" },
    description: "Settings that a function's own `set` clauses make for the whole transaction it is called in.",
  },
  {
    path: "rootFunction",
    type: "string",
    default: null,
    pattern: FUNCTION,
    description: "Function that answers `/`.",
  },
  {
    path: "txEnd",
    type: "choice",
    default: "commit",
    choices: ["commit", "commit-allow-override", "rollback", "rollback-allow-override"],
    description:
      "How transactions end: `commit` or `rollback`, with `-allow-override` where `Prefer: tx=` may say otherwise.",
  },

  {
    path: "errorVerbosity",
    type: "choice",
    default: "verbose",
    choices: ["verbose", "minimal"],
    description: "What clients see of an error: `minimal` leaves out `details` and `hint`.",
  },
  {
    path: "logQueries",
    type: "choice",
    default: "none",
    choices: ["none", "failed", "errors", "all"],
    description:
      "Requests whose statements are logged, without their values: none, those answered 5xx, 4xx and 5xx, or all.",
  },
  {
    path: "traceComments",
    type: "boolean",
    default: false,
    description:
      "End statements of sampled requests with their `traceparent` as a comment (sqlcommenter). These are parsed anew each time, since no other request has the same text.",
  },
  {
    path: "openapi.mode",
    type: "choice",
    default: "follow-privileges",
    choices: ["follow-privileges", "ignore-privileges", "disabled"],
    description:
      "What the OpenAPI document at `/` shows: what the role that asks may use, everything that is served, or nothing at all.",
  },
  {
    path: "openapi.securityActive",
    type: "boolean",
    default: false,
    description: "Name the security scheme of tokens in the OpenAPI document.",
  },
  {
    path: "openapi.proxyUri",
    type: "string",
    default: null,
    pattern: {
      expression: /^https?:\/\/[^\s/?#@]+(\/[^\s?#]*)?$/i,
      words: "an http or https URL without user, query and fragment",
    },
    description: "Public base URL in the OpenAPI document; none: wherever the document is fetched.",
  },
  {
    path: "openapi.standard",
    type: "choice",
    default: "3.1",
    internal: true,
    choices: ["2.0", "3.1"],
    description: "Version that requests for JSON get.",
  },

  {
    path: "changes.follow",
    type: "choice",
    default: "auto",
    choices: ["auto", "log", "triggers", "none"],
    description:
      "How changes of the database are followed, whoever makes them: by its log (logical replication), by triggers that `hotpath track install` makes, or not at all; `auto` takes the first that works.",
  },
  {
    path: "changes.url",
    type: "string",
    default: null,
    secret: true,
    pattern: { expression: /^postgres(ql)?:\/\//, words: "a URL such as postgres://user:password@host:5432/database" },
    description: "The database for following changes and for listening, where the source's own URL leads to a pooler.",
  },
  {
    path: "changes.slot",
    type: "string",
    default: null,
    pattern: { expression: /^[a-z0-9_]{1,63}$/, words: "a name of lower-case letters, digits and _" },
    description:
      "Name of a permanent replication slot: what is cached survives a lost connection, but while hotpath is away the database keeps its log; none: a temporary slot.",
  },
  {
    path: "changes.publication",
    type: "string",
    default: null,
    pattern: IDENTIFIER,
    description: "Publication to follow, which somebody else maintains; none: hotpath makes one and removes it.",
  },
  {
    path: "changes.maxRetained",
    type: "bytes",
    default: "1GB",
    min: "1KiB",
    max: "10000GB",
    description: "A permanent slot that makes the database keep more of its log than this is made anew.",
  },
  {
    path: "changes.maxStaleness",
    type: "duration",
    default: "5s",
    min: "1s",
    max: "10m",
    description:
      "Cached replies are used while it is known that they are no older than this; usually they are some milliseconds old at most.",
  },

  {
    path: "queryCache.enabled",
    type: "boolean",
    default: true,
    flag: "query-cache",
    description: "Cache replies whose tables are followed, until a row they were made from changes.",
  },
  {
    path: "queryCache.maxAge",
    type: "duration",
    default: "1h",
    min: "1s",
    max: "30d",
    description: "How long a cached reply is used at most although nothing has changed.",
  },
  {
    path: "queryCache.ttl",
    type: "duration",
    default: null,
    min: "1ms",
    max: "1d",
    description:
      "How long replies are cached while changes cannot be followed, and may be out of date; none: they are not cached then.",
  },
  {
    path: "queryCache.tables",
    type: "list",
    default: [],
    min: 0,
    max: 1000,
    pattern: {
      expression: /^[^=\0]{1,127}=(off|\d{1,9}(ms|s|m|h|d)|[^=+\0]{1,127}(\+[^=+\0]{1,127})*)$/u,
      words: "entries such as orders=off, rates=30s or top_users=users+orders",
    },
    description:
      "Exceptions by table, view or function: `off` never caches it, a duration caches it for so long whatever changes, tables parted by `+` are what its replies depend on.",
  },

  ...POOL_OPTIONS,
] as const satisfies readonly OptionRow[];
