/**
 * Names the kind of a request: those of one kind take about equally long when nothing else is under way. The route and what is asked of it
 * make the kind; which row it is does not: of parameters the names count, and the value of `select`, which says what is read.
 *
 * @param route the pattern that a source names; absent: the path, in which a segment with a digit may be any.
 */
export function kindOf(method: string, route: string | undefined, path: string, query: string): string {
  const place = route ?? path.replaceAll(VARIABLE, "/*").slice(0, MAX_PATH);
  if (query === "") return `${method} ${place}`;
  let names = "";
  for (let at = 0, taken = 0; at < query.length && taken < MAX_PARAMETERS; taken++) {
    const next = query.indexOf("&", at);
    const end = next === -1 ? query.length : next;
    const equals = query.indexOf("=", at);
    const isWhole = equals === -1 || equals > end || query.startsWith("select=", at);
    names += `&${query.slice(at, Math.min(isWhole ? end : equals, at + MAX_NAME))}`;
    at = end + 1;
  }
  return `${method} ${place}${names}`;
}

/** A segment of a path that has a digit. */
const VARIABLE = /\/[^/]*\d[^/]*/g;
/** What is longer is told apart by its beginning. */
const MAX_PATH = 200;
const MAX_NAME = 200;
const MAX_PARAMETERS = 16;
