/**
 * A log line (JSON text) without secrets: credentials in URLs, wherever they stand; fields that carry them by name,
 * at any depth; bearer and basic credentials in free text.
 *
 * Works on the rendered line, not on objects: an error message or a connection string nested anywhere is seen too.
 * Rather takes too much than too little. Linear in the line's length.
 */
export function redact(line: string): string {
  return hidePasswords(line)
    .replace(SECRET_FIELD, '$1"***"')
    .replace(SECRET_PARAMETER, "$1***")
    .replace(CREDENTIALS, "$1 ***");
}

/**
 * Hides `user:password@` after `://`. A number up to a `/` is a port, not a password. Passwords may hold an unescaped `@` or
 * `/`, so the last `@` of the word counts. Not by one expression, which would look for that `@` again from every `://`: paths that
 * clients send stand in these lines.
 */
function hidePasswords(line: string): string {
  let hidden = "";
  let from = 0;
  let wordEnd = 0;
  let lastAt = -1;
  for (let at = line.indexOf("://"); at !== -1; at = line.indexOf("://", at + 3)) {
    if (at >= wordEnd) {
      WORD.lastIndex = at;
      WORD.test(line);
      wordEnd = WORD.lastIndex;
      lastAt = at + line.slice(at, wordEnd).lastIndexOf("@");
    }
    if (lastAt <= at) continue;
    USER.lastIndex = at + 3;
    if (!USER.test(line) || USER.lastIndex > lastAt) continue;
    hidden += `${line.slice(from, USER.lastIndex)}***`;
    from = lastAt;
    at = lastAt - 3;
  }
  return from === 0 ? line : hidden + line.slice(from);
}

/** As far as a password may go: JSON's escapes belong to it. */
const WORD = /(?:\\.|[^\s"\\])*/y;
const USER = /[^\s:/?#@"\\]*:(?!\d{1,5}(?:[/?#\s"\\,]|$))/y;

// A JSON member by its name, with a string or a list of strings. The bound keeps the search linear.
const SECRET_FIELD =
  /("(?:authorization|proxy-authorization|cookie|set-cookie|x-api-key|api-?key|password|passphrase|secret|token|jwt)"\s*:\s*)(?:"(?:\\.|[^"\\])*"|\[[^\]]{0,16384}\])/gi;

const SECRET_PARAMETER = /([?&](?:password|api_?key|access_token|token|jwt|secret)=)[^&\s"\\]+/gi;

const CREDENTIALS = /\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{8,}/gi;
