/** A column of a query's result that shows a column of a relation unchanged. */
export interface TargetEntry {
  readonly originTable: number;
  readonly originColumn: number;
}

/**
 * Finds, in the text of a `pg_node_tree` that holds one query, the columns of its result that come straight from a
 * relation, by their position.
 *
 * The text nests nodes as `{NAME :field value …}` and lists as `(…)`; a backslash stands before a brace, parenthesis,
 * space or backslash that is part of a name. Subqueries have target lists of their own anywhere inside, before and
 * after the one that counts, so brackets are counted and only depth tells them apart:
 *
 *     ({QUERY … :targetList ({TARGETENTRY … :resno 1 … :resorigtbl 16385 :resorigcol 1 …} …) …})
 *     12                    34
 *
 * PostgreSQL records the origin itself (`markTargetListOrigins` in its parser), through joins and subqueries, and
 * records none for expressions and for unions.
 */
export function parseTargetList(query: string): ReadonlyMap<number, TargetEntry> {
  const entries = new Map<number, TargetEntry>();
  let depth = 0;
  let isInside = false;
  let position = 0;
  let originTable = 0;
  for (let index = 0; index < query.length; index++) {
    const code = query.charCodeAt(index);
    if (code === BACKSLASH) index++;
    else if (code === OPEN_BRACE || code === OPEN_PARENTHESIS) depth++;
    else if (code === CLOSE_BRACE || code === CLOSE_PARENTHESIS) {
      depth--;
      if (isInside && depth === QUERY_DEPTH) break;
    } else if (code === COLON && depth === QUERY_DEPTH) {
      if (query.startsWith(":targetList ", index)) isInside = true;
    } else if (code === COLON && isInside && depth === ENTRY_DEPTH) {
      if (query.startsWith(":resno ", index)) position = numberAt(query, index + ":resno ".length);
      else if (query.startsWith(":resorigtbl ", index)) originTable = numberAt(query, index + ":resorigtbl ".length);
      else if (query.startsWith(":resorigcol ", index)) {
        const originColumn = numberAt(query, index + ":resorigcol ".length);
        if (originTable !== 0 && originColumn > 0) entries.set(position, { originTable, originColumn });
      }
    }
  }
  return entries;
}

const QUERY_DEPTH = 2;
const ENTRY_DEPTH = 4;

const BACKSLASH = 0x5c;
const COLON = 0x3a;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_PARENTHESIS = 0x28;
const CLOSE_PARENTHESIS = 0x29;

function numberAt(text: string, start: number): number {
  return Number.parseInt(text.slice(start, start + 11), 10);
}
