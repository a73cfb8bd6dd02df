import type { PostgresSettings } from "../api/settings.ts";
import type { Log, SourceReply } from "../api/source.ts";
import type { SourceRequest } from "../api/source-request.ts";
import { HotpathError } from "../errors.ts";
import { toEndedReply } from "../http/ended.ts";
import { toProblemReply } from "../http/problem.ts";
import { toDialectError } from "./database-error.ts";
import { errorReply } from "./error-reply.ts";
import { isAuthenticated } from "./impersonation.ts";

/** The reply to a failure that has one; throws the others again. */
export function toFailureReply(
  error: unknown,
  request: SourceRequest,
  settings: PostgresSettings,
  log: Log | undefined,
): SourceReply {
  const dialect = toDialectError(error, isAuthenticated(settings, request));
  if (dialect !== undefined) {
    if (dialect.status >= 500) log?.warn({ err: dialect.cause ?? dialect, code: dialect.code }, "request failed");
    return errorReply(dialect, settings.errorVerbosity);
  }
  if (error instanceof HotpathError && error.status < 500) return toProblemReply(error);
  const ended = toEndedReply(request.signal);
  if (ended !== undefined) return ended;
  throw error;
}
