import { DialectError } from "../dialect-error.ts";

/** What the dialect says of JSON that is none. */
export const NO_JSON = "Empty or invalid json";

/** Content that is not what its media type says, or of a type that no write has. */
export function invalidPayload(message: string): DialectError {
  return new DialectError("PGRST102", 400, message);
}
