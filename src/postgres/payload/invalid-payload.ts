import { DialectError } from "../dialect-error.ts";

/** What the dialect says of JSON that is none. */
export const NO_JSON = "Empty or invalid json";

/** Of JSON that the database would have to read by recursion deeper than it can. */
export const TOO_DEEP = "The content is nested too deeply";

/** Content that is not what its media type says, or of a type that no write has. */
export function invalidPayload(message: string): DialectError {
  return new DialectError("PGRST102", 400, message);
}
