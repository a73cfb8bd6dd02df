import { DialectError } from "../dialect-error.ts";

/** Content that is not what its media type says, or of a type that no write has. */
export function invalidPayload(message: string): DialectError {
  return new DialectError("PGRST102", 400, message);
}
