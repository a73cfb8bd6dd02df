import type { ErrorVerbosity } from "../api/settings.ts";
import type { SourceReply } from "../api/source.ts";
import { DialectError } from "./dialect-error.ts";
import { besideFieldTexts, toFieldText } from "./field-text.ts";

/** The reply to a failure, as the dialect words it. */
export function errorReply(error: DialectError, verbosity: ErrorVerbosity): SourceReply {
  const headers = {
    "content-type": "application/json; charset=utf-8",
    "proxy-status": `PostgREST; error=${toFieldText(error.code)}`,
    ...error.headers,
  };
  const body = besideFieldTexts(error.toJson(verbosity));
  const reply: SourceReply = { status: error.status, headers, body, validate: false };
  if (error.statusText !== undefined) reply.statusText = toFieldText(error.statusText);
  return reply;
}

/** The failure of whoever asks before the database's structure has been read. */
export function notLoaded(): DialectError {
  return new DialectError("PGRST002", 503, "Could not query the database for the schema cache. Retrying.", {
    headers: { "retry-after": "1" },
  });
}
