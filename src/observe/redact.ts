/**
 * A log line (JSON text) without secrets: credentials in URLs, wherever they stand; fields that carry them by name,
 * at any depth; bearer and basic credentials in free text.
 *
 * Works on the rendered line, not on objects: an error message or a connection string nested anywhere is seen too.
 * Rather takes too much than too little. Linear in the line's length.
 */
export function redact(line: string): string {
  return line
    .replace(URL_PASSWORD, "$1:***@")
    .replace(SECRET_FIELD, '$1"***"')
    .replace(SECRET_PARAMETER, "$1***")
    .replace(CREDENTIALS, "$1 ***");
}

// `user:password@` after `://`. A number up to a `/` is a port, not a password. Passwords may hold an unescaped `@` or
// `/`, so the last `@` of the word counts. Bounds keep the search linear.
const URL_PASSWORD = /(:\/\/[^\s:/?#@"\\]{0,256}):(?!\d{1,5}(?:[/?#\s"\\,]|$))(?:\\.|[^\s"\\]){0,1024}@/g;

// A JSON member by its name, with a string or a list of strings.
const SECRET_FIELD =
  /("(?:authorization|proxy-authorization|cookie|set-cookie|x-api-key|api-?key|password|passphrase|secret|token|jwt)"\s*:\s*)(?:"(?:\\.|[^"\\])*"|\[[^\]]*\])/gi;

const SECRET_PARAMETER = /([?&](?:password|api_?key|access_token|token|jwt|secret)=)[^&\s"\\]+/gi;

const CREDENTIALS = /\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{8,}/gi;
